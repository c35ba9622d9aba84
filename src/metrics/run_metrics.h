// Metrics over the epochs of a view: does the picture move when, and only when, the features do?
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/file.h"
#include "core/matrix.h"
#include "run/run.h"

namespace dvi {

/// Of one set of samples. Absent where there are too few epochs.
struct TemporalMetrics {
  int64_t count = 0;  ///< samples it was measured on
  /// DVI: per sample the Pearson correlation over time between NPR(t-1, t), the share of its 15 neighbours in
  /// feature space that it keeps, and how far it moves in the plane; averaged. Should be negative. Needs 3
  /// epochs; samples of which one of the two never changes count as 0.
  std::optional<double> temporal_pearson;
  /// Per sample and epoch the Spearman correlation between its distances to the other epochs of the same
  /// third of the run, in feature space and in the plane; averaged. Needs thirds of 3 epochs.
  std::optional<double> tlr;
  std::optional<double> tlr_early, tlr_middle, tlr_late;
  /// Mean size of the intersection of a sample's 3 nearest epochs in feature space and in the plane; chance
  /// is 9 / (epochs - 1). Needs 5 epochs.
  std::optional<double> tnn_3, tnn_3_chance;
};

Json to_json(const TemporalMetrics&);

/// The samples of one epoch, for temporal_metrics.
struct TemporalEpoch {
  MatrixView features;                 ///< [n, D]
  MatrixView positions;                ///< [n, 2]
  std::span<const int32_t> neighbors;  ///< [n, k] ids of the k nearest in feature space
};

/// On arrays: epochs in order, all of the same n samples, k neighbours each.
TemporalMetrics temporal_metrics(std::span<const TemporalEpoch> epochs, int k);

struct RunMetrics {
  TemporalMetrics train, test;
};

/// On the stored arrays of a view, on at most `samples` samples a role, drawn with a fixed seed. `epochs`
/// must be fitted.
RunMetrics run_metrics(const Run&, const std::filesystem::path& view_folder, std::span<const int> epochs,
                       int64_t samples = 5000);

/// "run" of `dvi eval --json`: temporal_pearson, tlr and tnn_3 (of the train samples, as published), and the
/// same for "train" and "test".
Json to_json(const RunMetrics&);

}  // namespace dvi
