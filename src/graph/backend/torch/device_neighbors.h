// Exact nearest neighbours through LibTorch, for graphics processors: all distances of some queries at a
// time, and of each query the smallest. Implemented in the plugin dvi_torch.
//
// A tile's squared distances come from one float32 matrix product, which rounds. So more candidates than k
// are kept, and measured again by differences; the answer is proved where even the last candidate, less what
// rounding can have done, is farther than the k-th neighbour.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plugin.h"
#include "graph/neighbors.h"

namespace dvi {

struct DeviceNeighbors {
  Neighbors neighbors;
  std::vector<int32_t> unproven;  ///< rows whose neighbours may be others
};

/// Arguments as of NeighborIndex::exact. Throws Error where the device fails.
extern PluginFunction<DeviceNeighbors(MatrixView queries, MatrixView references, int k, bool same)>
    find_device_neighbors;

}  // namespace dvi
