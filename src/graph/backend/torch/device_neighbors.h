// Exact nearest neighbours through LibTorch, for graphics processors: all distances of some queries at a
// time, and of each query the smallest. Implemented in the plugin dvi_torch.
//
// A tile's squared distances come from one float32 matrix product, which rounds. So more candidates than k
// are kept, and measured again by differences; the answer is proved where even the last candidate, less what
// rounding can have done, is farther than the k-th neighbour.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/plugin.h"
#include "graph/neighbors.h"

namespace dvi {

struct DeviceNeighbors {
  Neighbors neighbors;
  std::vector<int32_t> unproven;  ///< rows whose neighbours may be others
};

/// Has a copy of the references on the device.
class DeviceSearch {
 public:
  virtual ~DeviceSearch() = default;
  /// Arguments as of NeighborIndex::exact. Throws Error where the device fails.
  virtual DeviceNeighbors find(MatrixView queries, int k, bool same) const = 0;
};

/// Throws Error where the device fails.
extern PluginFunction<std::unique_ptr<DeviceSearch>(MatrixView references)> make_device_search;

}  // namespace dvi
