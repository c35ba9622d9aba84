// The visualization model of a served epoch put to use: points of the plane to features, logits and
// territories.
#pragma once

#include <array>

#include "landscape/landscape.h"
#include "run/view.h"
#include "server/served_runs.h"

namespace dvi {

/// The landscape of `size` x `size` cells over `extent`.
Landscape paint_epoch(ServedRun&, const ViewEpoch&, const std::array<double, 4>& extent, int size);

/// Logits [C] at a point of the plane.
std::vector<float> decode_point(ServedRun&, const ViewEpoch&, float x, float y);

}  // namespace dvi
