// k nearest neighbours in feature space.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// k neighbours of each of n queries, nearest first, ties by index.
struct Neighbors {
  int k = 0;
  std::vector<int32_t> index;   ///< [n, k] rows of the references
  std::vector<float> distance;  ///< [n, k] Euclidean
  int64_t size() const { return k == 0 ? 0 : static_cast<int64_t>(index.size()) / k; }
  std::span<const int32_t> row(int64_t i) const { return {index.data() + i * k, static_cast<size_t>(k)}; }
  std::span<const float> distances(int64_t i) const {
    return {distance.data() + i * k, static_cast<size_t>(k)};
  }
  /// Adds the queries of `more`, which must hold as many neighbours each, behind these.
  void append(const Neighbors& more) {
    k = more.k;
    index.insert(index.end(), more.index.begin(), more.index.end());
    distance.insert(distance.end(), more.distance.begin(), more.distance.end());
  }
};

/// The first k neighbours of each row.
Neighbors nearest_of(const Neighbors& neighbors, int k);
/// The neighbours of queries [begin, begin + count).
Neighbors rows_of(const Neighbors& neighbors, int64_t begin, int64_t count);
/// The same neighbours, index -> ids[index].
Neighbors with_ids(Neighbors neighbors, std::span<const int32_t> ids);
/// The k nearest in two lists of the same queries whose indices are of one kind.
Neighbors merged(const Neighbors& a, const Neighbors& b, int k);

/// Which queries' neighbours a rank gets: of all, or of those that it owns (owned_rows() of the queries).
enum class Queries { all, owned };

/// Neighbours, and how many of the true ones are among them.
struct FoundNeighbors {
  Neighbors neighbors;
  /// Mean share of a query's true k nearest that were found; 1 if the search was exact, else measured by the
  /// exact search on 1,000 queries, of groups drawn at random, other than those that its effort was tried on.
  double recall = 1;
};

/// Exact k nearest neighbours (Euclidean) of `queries` [n, D] among `references` [m, D]. Where `same` is set,
/// queries and references are the same samples and a sample is not its own neighbour (duplicates of it are).
/// Throws Error if there are fewer than k. For several searches among the same references see NeighborIndex.
Neighbors exact_neighbors(MatrixView queries, MatrixView references, int k, bool same);

}  // namespace dvi
