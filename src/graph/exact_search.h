// Every query's true k nearest, by cells and bounds.
#pragma once

#include "graph/cells.h"
#include "graph/neighbors.h"

namespace dvi {

/// See NeighborIndex::exact. `cells` are those of `references`.
Neighbors search_exactly(const Cells& cells, MatrixView references, MatrixView queries, int k, bool same,
                         Queries wanted);

}  // namespace dvi
