// Does the picture move when, and only when, the features do? Metrics over epochs, on arrays.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/file.h"
#include "core/matrix.h"

namespace dvi {

/// Of one set of samples. Absent where there are too few epochs.
struct TemporalMetrics {
  int64_t count = 0;  ///< samples it was measured on
  /// DVI: per sample the Pearson correlation over time between NPR(t-1, t), the share of its neighbours in
  /// feature space that it keeps from one epoch to the next, and how far it moves in the plane meanwhile;
  /// averaged. Should be negative. A sample of which one of the two never varies counts as 0. Needs 3 epochs.
  std::optional<double> temporal_pearson;
  /// Per sample and epoch the Spearman correlation between its distances to the other epochs of the same
  /// third of the run, in feature space and in the plane; averaged over the thirds that have 3 epochs or
  /// more.
  std::optional<double> tlr, tlr_early, tlr_middle, tlr_late;
  /// Mean size of the intersection of a sample's 3 nearest epochs in feature space and in the plane, and the
  /// level that chance gives: 9 / (epochs - 1). Needs 5 epochs.
  std::optional<double> tnn_3, tnn_3_chance;
};

/// Keys as above; absent values have no key.
Json to_json(const TemporalMetrics&);

/// One epoch of n samples.
struct TemporalEpoch {
  MatrixView features;                 ///< [n, D]
  MatrixView positions;                ///< [n, 2]
  std::span<const int32_t> neighbors;  ///< [n, k] ids of the k nearest in feature space
};

/// Adds up over samples in as many calls as memory asks for, each with all epochs, in order.
class TemporalSums {
 public:
  /// Throws Error if the arrays do not fit each other.
  void add(std::span<const TemporalEpoch> epochs, int k);
  TemporalMetrics metrics() const;

 private:
  int64_t samples_ = 0;
  size_t epochs_ = 0;
  double pearson_ = 0, tlr_[3] = {0, 0, 0}, tnn_ = 0;
};

}  // namespace dvi
