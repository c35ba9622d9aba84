// The last step of the default preset: points that lie in another class's territory than their own are moved
// into theirs, boundary samples to white ground.
//
// The picture says two things of a place: who lies there and what the classifier predicts there. Layout and
// decoder are fitted to agree, but a decoder smooth enough to be read cannot draw an island around every
// sample, and who lies near a border in feature space has neighbours on both sides of it: from a sixth to a
// third of all points lie where another class is predicted. The nearest place that is right is usually two or
// three hundredths of the picture away; what the neighbours lose is seen in the metrics. Neither layout nor
// networks learn from the move, so it treats held-out samples as it treats all others.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "landscape/plane_classifier.h"

namespace dvi {

struct Placed {
  int64_t astray = 0;    ///< points that lay in another class's territory, boundary samples off white ground
  int64_t moved = 0;     ///< of those, points that lie in their own now
  double mean_move = 0;  ///< of the moved ones, as a share of the side of the square around all points
};

/// Where the classifier wants a point: predicted as `prediction` and, where `other` is not -1, undecided, if
/// possible on the border with `other` (margin below sample_delta; a white cell where the border is too
/// steep).
struct Home {
  int32_t prediction = 0, other = -1;
};

/// Moves each of `positions` [n, 2] that is not at home to a place that is, the nearest on a grid of cells,
/// and from there back towards where it lay as far as it stays at home. Points farther from home than
/// `farthest` (a share of the side of the square around all points) stay.
Placed place_at_home(PlaneClassifier&, std::span<const Home> homes, double farthest, MutMatrixView positions);

}  // namespace dvi
