// Colours of a figure other than those of classes: as on the page, light or dark.
#pragma once

#include "landscape/palette.h"

namespace dvi {

struct Theme {
  Rgb paper;             ///< around the plot
  Rgb ink, soft_ink;     ///< text; text of less weight
  Rgb outline;           ///< mixed into the rim of a sample
  double outline_share;  ///< how much of it
  LandscapeStyle landscape;
  /// Undecided ground is pale: the boundary's share of its colour on the border itself, and where the margin
  /// reaches the threshold.
  double border_paleness, edge_paleness;
};

const Theme& theme(bool dark);

/// `share` of `over` mixed into `under`.
Rgb mix(Rgb under, Rgb over, double share);

/// 256 colours for values from low to high; lightness changes evenly, and more value is more contrast to the
/// theme's paper.
const std::vector<Rgb>& value_ramp(bool dark);

}  // namespace dvi
