// Lists of nearest neighbours, as every neighbour search of this folder returns them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

/// The k nearest of each query, nearest first, ties by index.
struct Neighbors {
  int k = 0;
  std::vector<int32_t>
      index;  ///< [queries, k], rows of the references (or their ids, where a search takes ids)
  std::vector<float> distance;  ///< [queries, k], Euclidean

  int64_t rows() const { return k == 0 ? 0 : static_cast<int64_t>(index.size()) / k; }
  std::span<const int32_t> row(int64_t query) const {
    return {index.data() + query * k, static_cast<size_t>(k)};
  }
};

}  // namespace dvi
