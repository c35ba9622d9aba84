// Nearly every query's k nearest, from as few cells as reach a wanted recall.
#pragma once

#include "graph/cells.h"
#include "graph/neighbors.h"

namespace dvi {

/// See NeighborIndex::approximate. `cells` are those of `references`.
FoundNeighbors search_approximately(const Cells& cells, MatrixView references, MatrixView queries, int k,
                                    bool same, Queries wanted);

}  // namespace dvi
