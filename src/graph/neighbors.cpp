#include "graph/neighbors.h"

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

}  // namespace dvi
