// The grid that repulsion is interpolated on (vis/repulsion_field.h): where its nodes lie.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vis/fft.h"

namespace dvi {

struct RepulsionGrid {
  // Finer grids do not change how many neighbours a layout keeps (0.4: 7.64 of 15, 0.7: 7.63,
  // 0.9: 7.61, 1.3: 7.38); very large pictures get a coarser grid rather than a larger one.
  static constexpr float finest_spacing = 0.7f;
  static constexpr int64_t most_nodes = 600, fewest_nodes = 32;
  static constexpr float charge_unit = 4294967296.f;  ///< charges are added up as multiples of its inverse

  int64_t nodes = 0;  ///< a side
  float spacing = 0, x0 = 0, y0 = 0;

  /// Covers the box. Returns whether nodes or spacing changed, and with them the kernels between nodes.
  bool cover(const float low[2], const float high[2]) {
    const float side = std::max({high[0] - low[0], high[1] - low[1], 1e-3f});
    // Two nodes on either side for the cubic weights. Steps of a tenth, so that kernels are transformed again
    // rarely; small pictures (the first iterations of a layout) use a finer grid.
    auto wanted = static_cast<int64_t>(side / finest_spacing) + 6;
    wanted = Fft::good_length(std::clamp<int64_t>(wanted + wanted / 10, fewest_nodes, most_nodes));
    const float needed = side / static_cast<float>(wanted - 6);
    const bool changes = wanted != nodes || needed > spacing || needed < 0.5f * spacing;
    if (changes) spacing = needed * 1.1f;
    nodes = wanted;
    const float half = 0.5f * static_cast<float>(nodes - 1) * spacing;
    x0 = 0.5f * (low[0] + high[0]) - half;
    y0 = 0.5f * (low[1] + high[1]) - half;
    return changes;
  }
};

}  // namespace dvi
