// Where the default preset puts the points of one epoch (docs/explanation/method.md): a draft that knows the
// epoch before, and the springs that it is settled by afterwards (fit/standard/settling.h).
#pragma once

#include <span>
#include <vector>

#include "core/scratch_file.h"
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

/// Where samples are in an epoch nearby, and how they hang on it.
struct SpringEnds {
  MatrixView positions;              ///< [N, 2]; empty: there is no such epoch
  std::span<const float> stiffness;  ///< [N]
};

class EpochLayout {
 public:
  /// Makes the draft. It starts from that of the epoch before, if there is one. Keeps a reference to the
  /// samples only.
  EpochLayout(const SampleSets&, const EpochData&, const LayoutBefore* before, uint64_t seed,
              const StandardOptions&);

  /// Moves the positions for some iterations, samples held by springs to where they are in the epochs before
  /// and after. Reads the edges back where they were put aside.
  void relax(const SpringEnds& before, const SpringEnds& after);

  /// Stiffness of the springs to the epoch before, [N]; empty at the first. It is the weaker the farther the
  /// features moved (about 1 / displacement), the fewer neighbours were kept (the eighth power of their
  /// share) and the more samples there are (the power 3/4 of their number): where the neighbourhood is
  /// another one a sample is free. A sample that is predicted as another class hangs on a part of that.
  /// Features that hardly moved hold a sample whatever its neighbours do.
  std::span<const float> springs() const { return springs_; }

  /// [points().all(), 2]: the draft, as far as it was relaxed.
  const Matrix& positions() const { return positions_; }
  Matrix by_sample() const;                       ///< [N, 2] of the points that are samples
  const Matrix& draft() const { return draft_; }  ///< [N, 2]
  /// Of neighbours (LayoutNeighbors::disagreement).
  double disagreement() const { return near_.disagreement; }
  const LayoutFrame& frame() const { return frame_; }  ///< the first epoch's, which all keep
  const LayoutPoints& points() const { return points_; }
  const StageSeconds& seconds() const { return seconds_; }

  /// Takes the edges out of memory, into the file, which must live as long as this.
  void put_edges_aside(ScratchFile&);
  void drop_edges() { edges_ = {}; }

 private:
  /// Calls visit(point, id) for every sample.
  template <typename Visit>
  void for_samples(const Visit& visit) const;
  void place_draft(const EpochData&, const LayoutBefore*, uint64_t seed);
  Matrix start(const EpochData&, const LayoutBefore* before, uint64_t seed) const;
  double hold(double displacement) const;
  std::vector<float> springs(const EpochData&, const ClassifierSnapshot& before,
                             std::span<const float> displacement) const;

  const SampleSets& sets_;
  StandardOptions options_;
  LayoutPoints points_;
  LayoutNeighbors near_;
  LayoutEdges edges_;
  ScratchFile* edges_file_ = nullptr;
  LayoutFrame frame_;
  std::vector<float> springs_;
  Matrix positions_, draft_;
  StageSeconds seconds_;
};

}  // namespace dvi
