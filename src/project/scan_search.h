// The nearest references of a few queries, by measuring every reference: for so few that building a
// NeighborIndex would take longer. The answer is the same as NeighborIndex::exact gives, to the last bit.
#pragma once

#include "core/matrix.h"
#include "graph/neighbors.h"

namespace dvi {

/// k nearest of `queries` [n, D] among `references` [m, D], k <= m, ties by index. Uses all threads.
Neighbors scan_nearest(MatrixView references, MatrixView queries, int k);

}  // namespace dvi
