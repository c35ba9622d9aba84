#include "graph/neighbors.h"

#include "graph/neighbor_index.h"

namespace dvi {

Neighbors exact_neighbors(MatrixView queries, MatrixView references, int k, bool same) {
  return NeighborIndex(references, queries.rows).exact(queries, k, same);
}

}  // namespace dvi
