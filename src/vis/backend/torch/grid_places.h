// Where points lie in a level of a feature grid (vis/feature_grid.h), for LibTorch: for files of the plugin.
#pragma once

#include <ATen/ATen.h>

#include "vis/feature_grid.h"

namespace dvi {

/// The four nodes around each of n points, one corner of all points after the other.
struct GridPlaces {
  at::Tensor nodes;    ///< [4 n] rows of the level's values
  at::Tensor weights;  ///< [4 n, 1]

  /// Of the values [nodes, channels] of the level: [n, channels].
  at::Tensor interpolated(const at::Tensor& values) const {
    return values.index_select(0, nodes)
        .mul_(weights)
        .view({4, nodes.size(0) / 4, FeatureGrid::channels})
        .sum(0);
  }
};

/// `points` [n, 2]; `size`: cells of the level a side.
inline GridPlaces grid_places(const at::Tensor& points, const FeatureGrid::Box& box, int64_t size) {
  const double cells = static_cast<double>(size) / box.side;
  const at::Tensor x = points.select(1, 0).sub(box.x0).mul_(cells).clamp_(0, size),
                   y = points.select(1, 1).sub(box.y0).mul_(cells).clamp_(0, size);
  const at::Tensor column = x.floor().clamp_max_(size - 1), row = y.floor().clamp_max_(size - 1);
  const at::Tensor s = x - column, t = y - row, s1 = 1 - s, t1 = 1 - t;
  const at::Tensor node = row.mul(size + 1).add_(column).to(at::kLong);
  return {at::cat({node, node + 1, node + size + 1, node + size + 2}),
          at::cat({s1 * t1, s * t1, s1 * t, s * t}).unsqueeze(1)};
}

}  // namespace dvi
