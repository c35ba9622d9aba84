// Where the ground is backed by samples: the page, `dvi render` and reports let it fade to neutral beyond
// them, because what a decoder says far from every sample is extrapolation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "landscape/extent.h"

namespace dvi {

/// How far from a sample the ground keeps its full colour, and where it has none left, in shares of the
/// extent's side. Few samples lie far apart, so the distances grow as samples become fewer: each is given the
/// ground of its own that it would have if all were spread evenly.
struct FadeReach {
  float full, none;
};
FadeReach fade_reach(int64_t samples);

/// Distance of each cell's centre to the centre of the nearest cell that holds a sample, in cells: [size *
/// size], row 0 is the smallest y. Exact, in time proportional to the cells (P. F. Felzenszwalb and D. P.
/// Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8, 2012). Samples outside
/// the extent count in the nearest cell. Without samples every distance is larger than the grid.
std::vector<float> sample_distances(std::span<const float> positions, const Extent&, int size);

/// The colour that each cell keeps, 255 for all of it: [size * size], row 0 is the smallest y. `positions`
/// [N, 2] are all samples of the epoch.
std::vector<uint8_t> ground_fade(std::span<const float> positions, const Extent&, int size);

}  // namespace dvi
