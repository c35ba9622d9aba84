// How samples hang on where they are in the epochs before and after (docs/explanation/method.md).
#pragma once

#include <span>
#include <vector>

#include "fit/epoch_data.h"
#include "fit/standard/standard_options.h"

namespace dvi {

/// Where samples are in an epoch nearby, and how they hang on it.
struct SpringEnds {
  MatrixView positions;              ///< [n, 2]; empty: there is no such epoch
  std::span<const float> stiffness;  ///< [n]
};

/// The springs to both ends as one: to `anchors` with `strength`.
struct Spring {
  Matrix anchors;               ///< [n, 2]
  std::vector<float> strength;  ///< [n]; 0 where nothing holds
  static Spring between(const SpringEnds& before, const SpringEnds& after, int64_t n);
};

/// How some of the samples changed since the epoch before; [n] each.
struct Changes {
  std::vector<float> displacement;    ///< of the features, measured by the distance of the farthest neighbour
  std::vector<float> neighbors_kept;  ///< share, 0 to 1 (neighbor_preserving_rate)
  std::vector<uint8_t> changed_class;  ///< whether it is predicted as another class
};

Changes changes_of_train(const SampleSets&, const EpochData&, const ClassifierSnapshot& before);
Changes changes_of_others(const SampleSets&, const EpochData&, const ClassifierSnapshot& before);

/// How far apart neighbours stand in the picture, against 5,000 samples: what moves samples about disturbs
/// more neighbours where there are many.
double room_between(int64_t samples);

/// How strongly features that hardly moved hold a sample where it was.
double hold(const StandardOptions&, double displacement);

/// Stiffness of the springs to the epoch before, [n]. It is the weaker the farther the features moved (about
/// 1 / displacement) and the fewer neighbours were kept (the eighth power of their share): where the
/// neighbourhood is another one a sample is free. A sample that is predicted as another class hangs on a part
/// of that. Features that hardly moved hold a sample whatever its neighbours do. `stiffness`: of a sample
/// that kept its neighbours and whose features moved by the distance of the farthest.
std::vector<float> springs(const StandardOptions&, const Changes&, double stiffness);

}  // namespace dvi
