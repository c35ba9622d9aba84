// Where the default preset puts the points of one epoch (docs/explanation/method.md): a draft that knows the
// epoch before, and the springs that it is settled by afterwards (fit/standard/settling.h).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/scratch_file.h"
#include "core/stopwatch.h"
#include "fit/standard/layout_edges.h"
#include "fit/standard/layout_points.h"
#include "fit/standard/settling.h"
#include "fit/standard/standard_options.h"
#include "vis/layout.h"
#include "vis/point_order.h"

namespace dvi {

/// The epoch before.
struct LayoutBefore {
  const Matrix& draft;  ///< [n, 2] its layout of the train samples before it was settled
  const LayoutFrame& frame;
  const ClassifierSnapshot& classifier;
};

class EpochLayout : public Settled {
 public:
  /// Makes the draft. It starts from that of the epoch before, if there is one. Keeps a reference to the
  /// samples only.
  EpochLayout(const SampleSets&, const EpochData&, const LayoutBefore* before, uint64_t seed,
              const StandardOptions&);

  /// Some iterations of the layout. Reads the edges back where they were put aside.
  void relax(const SpringEnds& before, const SpringEnds& after) override;

  /// [n] of the train samples (fit/standard/springs.h). They are the weaker the more samples there are, by
  /// the power 3/4 of their number, and weaker where neighbours disagree.
  std::span<const float> springs() const override { return springs_; }
  Matrix sample_positions() const override;  ///< [n, 2] of the train samples

  /// [points().all(), 2]: the draft, as far as it was relaxed.
  const Matrix& positions() const { return positions_; }
  const Matrix& draft() const { return draft_; }  ///< [n, 2] of the train samples
  /// Of neighbours (LayoutNeighbors::disagreement).
  double disagreement() const { return near_.disagreement; }
  double disagreement_strength() const { return near_.strength; }
  const LayoutFrame& frame() const { return frame_; }  ///< the first epoch's, which all keep
  const LayoutPoints& points() const { return points_; }
  const StageSeconds& seconds() const { return seconds_; }
  /// What this rank sent in an iteration of the draft, on average.
  double bytes_an_iteration() const { return bytes_an_iteration_; }

  int64_t edge_bytes() const {
    return 8 * (std::ssize(edges_.begin) + edges_.size());  // a target and a weight take eight, too
  }
  /// Takes the edges out of memory, into the file, which must live as long as this.
  void put_edges_aside(ScratchFile&);
  void drop_edges() { edges_ = {}; }

 private:
  void place_draft(const EpochData&, const LayoutBefore*, uint64_t seed);
  Matrix start(const EpochData&, const LayoutBefore* before, uint64_t seed) const;
  /// Anchors and their strengths, by point; no strengths: none holds.
  void move(std::span<const LayoutPhase>, const Matrix& anchors, const std::vector<float>& strength,
            LayoutFrame&, const std::function<void()>& on_iteration);

  const SampleSets& sets_;
  StandardOptions options_;
  LayoutPoints points_;
  LayoutNeighbors near_;
  std::optional<PointOrder> order_;
  EdgeList edges_;  // between places of the order
  ScratchFile* edges_file_ = nullptr;
  LayoutFrame frame_;
  std::vector<float> springs_;
  Matrix positions_, draft_;
  StageSeconds seconds_;
  double bytes_an_iteration_ = 0;
};

}  // namespace dvi
