// What became of each sample over the fitted epochs of a view.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "run/view.h"

namespace dvi {

constexpr int32_t never = -1;

/// One entry a sample in each array. "Learned" and "forgotten" need a label; samples without one are never
/// either.
struct Trajectory {
  std::vector<int32_t> flips;          ///< consecutive fitted epochs whose predictions differ
  std::vector<int32_t> first_learned;  ///< first epoch at which the prediction is the label, or never
  std::vector<int32_t>
      last_forgotten;  ///< last epoch that is wrong while the fitted one before was right, or never
  std::vector<float> distance_moved;  ///< length of the path in the plane
};

/// `labels` [N], -1 = none.
Trajectory trace(const View& view, std::span<const int32_t> labels);

}  // namespace dvi
