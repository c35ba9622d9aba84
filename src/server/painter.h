// The visualization model of a served epoch put to use: points of the plane to features, logits and
// territories.
#pragma once

#include <array>

#include "landscape/landscape.h"
#include "run/view.h"
#include "server/served_runs.h"
#include "vis/mlp.h"

namespace dvi {

/// The decoder stored in weights.npy. Throws Error if the weights do not fit the widths in view_epoch.json.
Mlp decoder_of(const ViewEpoch&);

/// The landscape of `size` x `size` cells over `extent`.
Landscape paint_epoch(ServedRun&, const ViewEpoch&, const std::array<double, 4>& extent, int size);

/// Logits [C] at a point of the plane.
std::vector<float> decode_point(ServedRun&, const ViewEpoch&, float x, float y);

}  // namespace dvi
