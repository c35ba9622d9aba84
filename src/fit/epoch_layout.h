// Where the default preset puts the points of one epoch (docs/explanation/method.md): a draft that knows the
// epoch before, then settled between the epochs on both sides.
#pragma once

#include <array>
#include <vector>

#include "fit/projection.h"
#include "fit/standard_preset.h"
#include "graph/fuzzy_set.h"

namespace dvi {

/// Points of a layout: active ones are train samples, then boundary samples; passive ones are other samples,
/// then boundary samples of the evaluation.
struct LayoutPoints {
  int64_t train = 0, boundary = 0, other = 0, evaluation = 0;
  int64_t active() const { return train + boundary; }
  int64_t passive() const { return other + evaluation; }
  int64_t all() const { return active() + passive(); }
};

class EpochLayout {
 public:
  /// Makes the draft. It starts from that of the epoch before, if there is one. Keeps references to
  /// the samples and the data.
  EpochLayout(const SampleSets&, const EpochData&, const EarlierEpoch* before, uint64_t seed,
              const StandardOptions&);

  /// [points().all(), 2]: the draft, moved so that samples travel between epochs in proportion to their
  /// features. Each sample hangs on two springs, to where it was shown in the epoch before (`before` [N, 2];
  /// empty: there is none) and to where it will be in the next one (the first of `after`, the layouts of the
  /// epochs that follow, if any). A spring is the weaker the longer the way of the features (stiffness about
  /// 1 / way), the fewer neighbours were kept (the eighth power of their share) and the more samples there
  /// are (the root of their number): where the neighbourhood is another one a sample is free. Features that
  /// hardly moved hold a sample whatever its neighbours do. All epochs are relaxed in turn, forwards and
  /// back; the drafts of those after are left as they are.
  Matrix settled(MatrixView before, std::span<const EpochLayout* const> after) const;

  Matrix draft() const { return by_sample(draft_); }  ///< [N, 2]
  /// What the next epoch's layout is given.
  EarlierEpoch earlier() const;
  const LayoutPoints& points() const { return points_; }
  const SampleSets& sets() const { return sets_; }
  const EpochData& data() const { return data_; }
  const StandardOptions& options() const { return options_; }
  const StageSeconds& seconds() const { return seconds_; }

  /// [N, 2] of the points that are samples.
  Matrix by_sample(const Matrix& positions) const;

 private:
  /// The classes a point belongs to: a sample's prediction (twice), or the two a boundary sample lies
  /// between.
  using Allegiance = std::array<int32_t, 2>;

  /// Calls visit(point, id, its neighbours among train samples, row there) for every sample.
  template <typename Visit>
  void for_samples(const Visit& visit) const;
  Neighbors sample_neighbors() const;
  std::vector<Allegiance> allegiances() const;
  bool kin(int64_t i, int64_t j) const;
  EdgeList active_edges() const;
  EdgeList passive_edges() const;
  void weaken_strangers(EdgeList&, int64_t first_point) const;
  void balance_sides(EdgeList&) const;
  double boundary_weight() const;
  Matrix start(const EarlierEpoch* before, uint64_t seed) const;
  void join_new_class(int32_t id, std::span<const int32_t> to_train, const EarlierEpoch& before,
                      float* position) const;
  std::vector<float> anchor_strength(const EarlierEpoch& before) const;
  double way(int32_t id, const Neighbors&, int64_t row) const;
  double hold(double way) const;
  std::vector<float> springs(const EarlierEpoch& before) const;
  void relax(MatrixView before, MatrixView after, std::span<const float> to_after, Matrix& positions) const;

  const SampleSets& sets_;
  const EpochData& data_;
  StandardOptions options_;
  LayoutPoints points_;
  std::vector<Allegiance> allegiance_;  // of active points, then of passive ones
  EdgeList edges_, passive_edges_;
  std::vector<float> springs_;  // [N] to the epoch before; empty at the first
  Matrix draft_;                // [points_.all(), 2]
  StageSeconds seconds_;
};

}  // namespace dvi
