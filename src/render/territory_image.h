// The territory of an epoch as an image of any size, as smooth as on the page: colours and margins are
// interpolated between cells, and the white boundary is drawn where the interpolated margin is small.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "render/theme.h"
#include "run/view.h"

namespace dvi {

/// Square, the first row at the top (largest y).
struct TerritoryImage {
  int side = 0;
  std::vector<Rgb> pixels;
};

/// `fade` is the colour that each cell keeps, as landscape/fade.h has it; the rest is the theme's ground.
TerritoryImage territory_image(const Territory&, std::span<const uint8_t> fade,
                               const std::vector<Rgb>& palette, const Theme&, int side);

/// `share` of `b` over `a`; both of the same side.
TerritoryImage cross_fade(const TerritoryImage& a, const TerritoryImage& b, double share);

}  // namespace dvi
