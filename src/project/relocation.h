// The last step of the default preset, for recorded and new samples: points whose place shows something else
// than the classifier says of them are moved to where it shows that.
//
// Layout and decoder are fitted to agree, but a decoder smooth enough to be read cannot draw an island around
// every sample, and a sample near a border in feature space has neighbours on both sides of it. What is left
// is moved here, as little as possible, and never in silence: the distance is stored for every sample, and
// the metrics tell what held before (ppr_fitted) and how many were moved. Neither layout nor networks learn
// from the move, so it treats held-out samples as it treats all others, and it does not depend on which other
// points are moved.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "landscape/plane_classifier.h"
#include "project/margin_ranks.h"

namespace dvi {

/// The ground that a point belongs on: predicted as `prediction` with about the margin `margin` or, for a
/// boundary sample (`other` is not -1), undecided, if possible between both classes.
struct ExpectedGround {
  int32_t prediction = 0, other = -1;
  float margin = 0;
};

struct RelocationLimits {
  /// A sample is moved where the rank of the margin that its place shows differs by more than this from its
  /// own, besides where the place shows another class.
  double margin_tolerance = 0.3;
  double reach = 0.12;  ///< no point is moved farther, as a share of the picture's side
};

/// Moves points on a grid of cells of the picture `extent`: each into the nearest cell that shows its class
/// and about its margin, at a place within the cell that follows from where it lay. Where there is no such
/// cell within reach it takes the one of its class whose margin is nearest, and where there is none of its
/// class it stays.
class Relocator {
 public:
  Relocator(PlaneClassifier&, const MarginRanks&, const Extent& extent, const RelocationLimits&);
  /// Moves `positions` [n, 2]; returns how far each was moved, as a share of the picture's side: 0 if it
  /// stayed. [n]
  std::vector<float> relocate(std::span<const ExpectedGround> expected, MutMatrixView positions);
  /// The same through PlaneClassifier::judge_each: slower, and to the last bit the same whatever else is
  /// moved along.
  std::vector<float> relocate_each(std::span<const ExpectedGround> expected, MutMatrixView positions);

 private:
  struct Cell {
    int32_t prediction, runner_up;
    float margin, rank;
  };
  struct Offset {
    int x, y;
  };
  template <typename Judge>
  std::vector<float> relocate(std::span<const ExpectedGround> expected, MutMatrixView positions,
                              const Judge& judge_all);
  bool is_right(const ExpectedGround&, const Verdict&) const;
  /// The cell for a point, or -1.
  int64_t target(const ExpectedGround&, const Verdict& there, const float* position) const;
  void centre(int64_t cell, float* position) const;

  PlaneClassifier& classifier_;
  const MarginRanks& ranks_;
  Extent extent_;
  RelocationLimits limits_;
  std::vector<Cell> cells_;      // row by row from the smallest y
  std::vector<Offset> offsets_;  // of all cells within reach, nearest first
};

}  // namespace dvi
