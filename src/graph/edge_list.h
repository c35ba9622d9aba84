// Weighted edges as compressed rows, and how they are built.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "core/parallel.h"

namespace dvi {

/// A weighted edge list; row r's edges are [begin[r], begin[r + 1]).
struct EdgeList {
  std::vector<int64_t> begin;  ///< [n + 1]
  std::vector<int32_t> target;
  std::vector<float> weight;  ///< in (0, 1]
  int64_t rows() const { return static_cast<int64_t>(begin.size()) - 1; }
  int64_t size() const { return static_cast<int64_t>(target.size()); }
};

/// The edges that `each` passes to the function it is given, add(row, target, weight), in any order of rows;
/// those of one row keep their order. `each` is called twice, to count and to fill, and must pass the same
/// edges both times.
template <typename Each>
EdgeList edges_from(int64_t rows, const Each& each) {
  EdgeList edges;
  edges.begin.assign(rows + 1, 0);
  each([&](int64_t row, int64_t, double) { ++edges.begin[row + 1]; });
  std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
  edges.target.resize(edges.begin.back());
  edges.weight.resize(edges.begin.back());
  std::vector<int64_t> next(edges.begin.begin(), edges.begin.end() - 1);
  each([&](int64_t row, int64_t target, double weight) {
    const int64_t at = next[row]++;
    edges.target[at] = static_cast<int32_t>(target);
    edges.weight[at] = static_cast<float>(weight);
  });
  return edges;
}

/// Rows that can be told one by one are built in parallel: each_of_row(row, add) passes the edges of one row
/// to add(target, weight), in order. It is called twice for each row, in any thread, and must pass the same
/// edges both times.
template <typename EachOfRow>
EdgeList edges_by_row(int64_t rows, const EachOfRow& each_of_row) {
  constexpr int64_t rows_a_piece = 1024;
  EdgeList edges;
  edges.begin.assign(rows + 1, 0);
  parallel_for(rows, rows_a_piece, [&](int64_t first, int64_t last, int) {
    for (int64_t row = first; row < last; ++row)
      each_of_row(row, [&](int64_t, double) { ++edges.begin[row + 1]; });
  });
  std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
  edges.target.resize(edges.begin.back());
  edges.weight.resize(edges.begin.back());
  parallel_for(rows, rows_a_piece, [&](int64_t first, int64_t last, int) {
    for (int64_t row = first; row < last; ++row) {
      int64_t at = edges.begin[row];
      each_of_row(row, [&](int64_t target, double weight) {
        edges.target[at] = static_cast<int32_t>(target);
        edges.weight[at++] = static_cast<float>(weight);
      });
    }
  });
  return edges;
}

}  // namespace dvi
