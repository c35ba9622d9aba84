// The last step of the default preset: points that lie in another class's territory than the one predicted
// for them are moved into theirs, boundary samples to white ground.
//
// The picture says two things of a place: which samples lie there and what the classifier predicts there.
// Layout and decoder are fitted to agree, but a decoder smooth enough to be read cannot draw an island around
// every sample, and a sample near a border in feature space has neighbours on both sides of it: from a sixth
// to a third of all points lie where another class is predicted. The nearest place that is right is usually
// two or three hundredths of the picture away; what the neighbours lose is seen in the metrics. Neither
// layout nor networks learn from the move, so it treats held-out samples as it treats all others.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "landscape/plane_classifier.h"

namespace dvi {

struct Relocation {
  int64_t misplaced = 0;  ///< points that lay in another class's territory, boundary samples off white ground
  int64_t relocated = 0;  ///< of those, points that lie in their own now
  double mean_distance = 0;  ///< of these, as a share of the side of the square around all points
};

/// The ground that a point belongs on: predicted as `prediction` and, where `other` is not -1, undecided, if
/// possible on the border with `other` (margin below sample_delta; a white cell where the border is too
/// steep).
struct ExpectedGround {
  int32_t prediction = 0, other = -1;
};

/// Moves each of `positions` [n, 2] that is misplaced to the nearest place, on a grid of cells, that is not,
/// and from there back towards where it lay as far as the ground stays right. Points farther from such a
/// place than `reach` (a share of the side of the square around all points) stay.
Relocation relocate(PlaneClassifier&, std::span<const ExpectedGround> expected, double reach,
                    MutMatrixView positions);

}  // namespace dvi
