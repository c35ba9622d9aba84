// Where the default preset puts the points of one epoch (docs/explanation/method.md): a draft that knows the
// epoch before, then settled between the epochs on both sides.
#pragma once

#include <span>
#include <vector>

#include "core/stopwatch.h"
#include "fit/standard/layout_edges.h"
#include "fit/standard/layout_points.h"
#include "fit/standard/standard_options.h"
#include "vis/layout.h"

namespace dvi {

/// The epoch before.
struct LayoutBefore {
  const Matrix& draft;  ///< [N, 2] its layout before it was settled
  const LayoutFrame& frame;
  const ClassifierSnapshot& classifier;
};

class EpochLayout {
 public:
  /// Makes the draft. It starts from that of the epoch before, if there is one. Keeps references to
  /// the samples and the data.
  EpochLayout(const SampleSets&, const EpochData&, const LayoutBefore* before, uint64_t seed,
              const StandardOptions&);

  /// [points().all(), 2]: the draft, moved so that samples travel between epochs in proportion to their
  /// features. Each sample hangs on two springs, to where it was shown in the epoch before (`before` [N, 2];
  /// empty: there is none) and to where it will be in the next one (the first of `after`, the layouts of the
  /// epochs that follow, if any). A spring is the weaker the farther the features moved (stiffness about
  /// 1 / displacement), the fewer neighbours were kept (the eighth power of their share) and the more samples
  /// there are (the root of their number): where the neighbourhood is another one a sample is free. Features
  /// that hardly moved hold a sample whatever its neighbours do. All epochs are relaxed in turn, forwards and
  /// back; the drafts of those after are left as they are.
  Matrix settled(MatrixView before, std::span<const EpochLayout* const> after) const;

  Matrix draft() const { return by_sample(draft_); }  ///< [N, 2]
  /// Of neighbours (LayoutNeighbors::disagreement).
  double disagreement() const { return near_.disagreement; }
  const LayoutFrame& frame() const { return frame_; }  ///< the first epoch's, which all keep
  const LayoutPoints& points() const { return points_; }
  const SampleSets& sets() const { return sets_; }
  const EpochData& data() const { return data_; }
  const StandardOptions& options() const { return options_; }
  const StageSeconds& seconds() const { return seconds_; }

  /// [N, 2] of the points that are samples.
  Matrix by_sample(const Matrix& positions) const;

 private:
  /// Calls visit(point, id, its neighbours among train samples, row there) for every sample.
  template <typename Visit>
  void for_samples(const Visit& visit) const;
  Matrix start(const LayoutBefore* before, uint64_t seed) const;
  void join_new_class(int32_t id, std::span<const int32_t> to_train, const LayoutBefore& before,
                      float* position) const;
  std::vector<float> anchor_strength(const ClassifierSnapshot& before) const;
  double feature_displacement(int32_t id, const Neighbors&, int64_t row) const;
  double hold(double displacement) const;
  std::vector<float> springs(const ClassifierSnapshot& before) const;
  void relax(MatrixView before, MatrixView after, std::span<const float> to_after, Matrix& positions) const;

  const SampleSets& sets_;
  const EpochData& data_;
  StandardOptions options_;
  LayoutPoints points_;
  LayoutNeighbors near_;
  LayoutEdges edges_;
  LayoutFrame frame_;
  std::vector<float> springs_;  // [N] to the epoch before; empty at the first
  Matrix draft_;                // [points_.all(), 2]
  StageSeconds seconds_;
};

}  // namespace dvi
