#include "project/scan_search.h"

#include <cmath>

#include "core/parallel.h"
#include "graph/bound_codes.h"
#include "graph/selection.h"

namespace dvi {

Neighbors scan_nearest(MatrixView references, MatrixView queries, int k) {
  constexpr int64_t block = 128;  // references that stay in the cache while all queries pass
  using Lists = std::vector<std::vector<Hit>>;
  std::vector<Lists> found(static_cast<size_t>(threads()), Lists(static_cast<size_t>(queries.rows)));
  parallel_for(references.rows, block, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t q = 0; q < queries.rows; ++q) {
      auto& hits = found[static_cast<size_t>(worker)][static_cast<size_t>(q)];
      for (int64_t j = begin; j < end; ++j) {
        const Hit hit{squared_distance(queries.row(q), references.row(j), references.cols),
                      static_cast<int32_t>(j)};
        if (std::ssize(hits) < k || hit < hits.back()) insert(hits, k, hit);
      }
    }
  });
  Neighbors out{k, {}, {}};
  for (int64_t q = 0; q < queries.rows; ++q) {
    auto& hits = found.front()[static_cast<size_t>(q)];
    for (size_t w = 1; w < found.size(); ++w)
      for (const Hit& hit : found[w][static_cast<size_t>(q)])
        if (std::ssize(hits) < k || hit < hits.back()) insert(hits, k, hit);
    for (const Hit& hit : hits) {
      out.index.push_back(hit.index);
      out.distance.push_back(std::sqrt(hit.squared));
    }
  }
  return out;
}

}  // namespace dvi
