// The landscapes of a view: which part of the plane they show, and what has to be painted when an epoch comes
// in.
#pragma once

#include <map>
#include <optional>

#include "fit/projection.h"
#include "landscape/landscape.h"
#include "run/view.h"

namespace dvi {

constexpr int territory_size = 400;  ///< cells a side

/// What the landscapes of a view show, the same for all epochs.
struct ViewExtent {
  Extent shown;
  Extent bounds;  ///< of the positions of all epochs
};

/// Of the epochs that are fitted; nothing if none is.
std::optional<ViewExtent> view_extent(const View&);
/// With an epoch whose positions span `epoch_bounds`.
ViewExtent extended(const std::optional<ViewExtent>&, const Extent& epoch_bounds);

struct Painting {
  ViewExtent extent;
  Extent epoch_bounds;
  Landscape landscape;
  /// Of all epochs fitted before, where the extent had to change: theirs show too little.
  std::map<int, Landscape> repainted;
  bool extent_changed = false;
};

/// Paints the epoch, and those of the view again if `extent`, which they were painted for, has to grow.
Painting paint(const Run&, const View&, const std::optional<ViewExtent>& extent, const EpochData&,
               const Projection&);

}  // namespace dvi
