// Nearest neighbours the obvious way, for tests of faster ones.
#pragma once

#include <algorithm>
#include <cmath>

#include "graph/neighbors.h"

namespace dvi {

/// In double precision; see exact_neighbors.
inline Neighbors slow_neighbors(MatrixView queries, MatrixView references, int k, bool same) {
  Neighbors out{k, {}, {}};
  for (int64_t i = 0; i < queries.rows; ++i) {
    std::vector<std::pair<double, int32_t>> all;
    for (int64_t j = 0; j < references.rows; ++j) {
      if (same && i == j) continue;
      double sum = 0;
      for (int64_t l = 0; l < queries.cols; ++l) {
        const double difference = static_cast<double>(queries(i, l)) - references(j, l);
        sum += difference * difference;
      }
      all.emplace_back(sum, static_cast<int32_t>(j));
    }
    std::partial_sort(all.begin(), all.begin() + k, all.end());
    for (int r = 0; r < k; ++r) {
      out.index.push_back(all[r].second);
      out.distance.push_back(static_cast<float>(std::sqrt(all[r].first)));
    }
  }
  return out;
}

}  // namespace dvi
