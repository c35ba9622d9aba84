#include "graph/neighbors.h"

#include <algorithm>
#include <utility>

#include "graph/neighbor_index.h"

namespace dvi {

Neighbors exact_neighbors(MatrixView queries, MatrixView references, int k, bool same) {
  return NeighborIndex(references, queries.rows).exact(queries, k, same);
}

Neighbors nearest_of(const Neighbors& neighbors, int k) {
  if (k >= neighbors.k) return neighbors;
  Neighbors out{k, {}, {}};
  out.index.reserve(static_cast<size_t>(neighbors.size() * k));
  out.distance.reserve(out.index.capacity());
  for (int64_t i = 0; i < neighbors.size(); ++i) {
    out.index.insert(out.index.end(), neighbors.row(i).begin(), neighbors.row(i).begin() + k);
    out.distance.insert(out.distance.end(), neighbors.distances(i).begin(),
                        neighbors.distances(i).begin() + k);
  }
  return out;
}

Neighbors rows_of(const Neighbors& neighbors, int64_t begin, int64_t count) {
  const auto part = [&](const auto& values) {
    const auto first = values.begin() + begin * neighbors.k;
    return std::decay_t<decltype(values)>(first, first + count * neighbors.k);
  };
  return {neighbors.k, part(neighbors.index), part(neighbors.distance)};
}

Neighbors with_ids(Neighbors neighbors, std::span<const int32_t> ids) {
  for (auto& i : neighbors.index) i = ids[static_cast<size_t>(i)];
  return neighbors;
}

Neighbors merged(const Neighbors& a, const Neighbors& b, int k) {
  Neighbors out{std::min(k, a.k + b.k), {}, {}};
  out.index.reserve(static_cast<size_t>(a.size() * out.k));
  out.distance.reserve(out.index.capacity());
  for (int64_t i = 0; i < a.size(); ++i) {
    int x = 0, y = 0;
    for (int r = 0; r < out.k; ++r) {
      const bool from_a =
          y >= b.k ||
          (x < a.k &&
           std::pair(a.distances(i)[static_cast<size_t>(x)], a.row(i)[static_cast<size_t>(x)]) <
               std::pair(b.distances(i)[static_cast<size_t>(y)], b.row(i)[static_cast<size_t>(y)]));
      const Neighbors& from = from_a ? a : b;
      int& at = from_a ? x : y;
      out.index.push_back(from.row(i)[static_cast<size_t>(at)]);
      out.distance.push_back(from.distances(i)[static_cast<size_t>(at)]);
      ++at;
    }
  }
  return out;
}

}  // namespace dvi
