// The events of a view when an epoch comes in.
#pragma once

#include <vector>

#include "fit/projection.h"
#include "run/view.h"

namespace dvi {

/// The events of the view with those of this epoch, and those of the fitted epoch after it, if there is one,
/// in place of what they were.
std::vector<Event> events_with(const Run&, const View&, const EpochData&, const Projection&);

}  // namespace dvi
