// How true a picture is: the metrics of one epoch. docs/reference/metrics.md explains each, with its formula
// and its traps.
//
// Lists of neighbours in both spaces are given (graph/neighbors.h, graph/plane_neighbors.h); only
// nn_15_with_self searches, for the test samples nearest to some train samples. Trustworthiness and
// continuity need all distances of a sample; they are measured exactly on a subset.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/file.h"
#include "core/matrix.h"
#include "graph/neighbors.h"
#include "landscape/landscape.h"
#include "subject/logits.h"

namespace dvi {

/// Of one set of samples. A value is absent where it cannot be had (fewer samples than k, no such arrays).
struct GroupMetrics {
  int64_t count = 0;  ///< samples it was measured on
  /// Mean size of the intersection of a sample's k nearest neighbours in feature space and in the plane; the
  /// sample itself is not counted. Chance level k * k / (references - 1).
  std::optional<double> nn_10, nn_15, nn_20;
  /// The convention of published tables: the sample is its own first neighbour, so 1 + the overlap of the 14
  /// nearest.
  std::optional<double> nn_15_with_self;
  /// The same towards the 15 nearest boundary samples, and the level that chance gives: 15 * 15 / boundary
  /// samples.
  std::optional<double> boundary_15, boundary_15_chance;
  /// Share of samples whose prediction survives project + inverse-project.
  std::optional<double> ppr;
  /// The same before points were moved to where the ground agrees with them (the last step of the default
  /// preset); the share of points that it moved; how far these, on average, as a share of the picture's side.
  std::optional<double> ppr_fitted, moved_share, moved_mean;
  /// Rank correlation (Spearman) of a sample's own delta-boundary margin with the margin that its place
  /// shows, and with the one that it showed before points were moved: DVI's boundary-distance property, asked
  /// of all samples.
  std::optional<double> margin_rank, margin_rank_fitted;
  /// Mean absolute change of the probability of the originally predicted class over the round trip.
  std::optional<double> ccr;
  /// Mean over samples and dimensions of the squared round-trip error.
  std::optional<double> mse;
  std::optional<double> trustworthiness_15, continuity_15;
  /// Share of (boundary) samples that fall on a boundary cell of the landscape.
  std::optional<double> keep_boundary;
};

/// Keys as in `dvi eval --json`; absent values have no key.
Json to_json(const GroupMetrics&);
GroupMetrics group_metrics_from_json(const Json&);

/// metrics.json.
struct EpochMetrics {
  GroupMetrics train, test;
  /// Of the evaluation set of boundary samples: ppr, ccr, mse, keep_boundary.
  GroupMetrics boundary;
  /// Train and test samples together, as published "test" figures are measured: only nn_15_with_self.
  GroupMetrics all;
  /// Of encoder_positions.npy, where samples are shown elsewhere than the encoder alone puts them.
  std::optional<GroupMetrics> encoder_train, encoder_test;
  /// Of test samples, and of the evaluation's boundary samples, placed as new samples are: by what is
  /// remembered of train samples. Neighbours are sought among train samples only.
  std::optional<GroupMetrics> new_test, new_boundary;
  /// nn_* of the test samples as they are shown, among train samples only: what new_test compares with.
  std::optional<GroupMetrics> test_among_train;
  /// Connected parts of one class in the landscape that take more than a thousandth of it (landscape_parts).
  std::optional<int64_t> territory_parts;
};

Json to_json(const EpochMetrics&);
EpochMetrics epoch_metrics_from_json(const Json&);

/// What came out of the round trip f -> plane -> f' of n samples.
struct RoundTrip {
  std::vector<Verdict> verdicts;         ///< [n] of f'
  std::vector<float> still_as_probable;  ///< [n] the probability at f' of the class predicted at f
  std::vector<float> error;              ///< [n] mean over dimensions of (f - f')^2
};

/// [n] mean over dimensions of (f - f')^2, for RoundTrip::error.
std::vector<float> squared_errors(MatrixView features, MatrixView features_after);

/// What is measured on one group of samples (train or test). Every list has a row for each of `ids`, in that
/// order, or for those of them that this rank owns.
struct GroupInput {
  std::span<const int32_t> ids;  ///< rows of features and positions
  /// Among which samples neighbours were searched: train for train samples, train and test for test samples.
  std::span<const int32_t> references;
  const Neighbors* neighbors = nullptr;  ///< in feature space, k >= 20, index = sample ids, itself left out
  const Neighbors* plane_neighbors = nullptr;  ///< the same in the plane
  /// Rows of a set of boundary samples, k >= 15: of the fit's own set for train samples, of the evaluation
  /// set for test samples. Null where there is none.
  const Neighbors* boundary_neighbors = nullptr;
  const Neighbors* plane_boundary_neighbors = nullptr;
  int64_t boundary_count = 0;  ///< size of that set
  bool owned = false;          ///< lists have the owned_rows() of `ids` (comm/shared_for.h)
};

/// Neighbour metrics: nn_*, boundary_15*, trustworthiness, continuity. `features` [N, D] and `positions` [N,
/// 2] are of all samples. At most `rank_queries` samples (drawn with a fixed seed) are ranked against all
/// references for trustworthiness and continuity; 0 leaves them out.
GroupMetrics neighbor_metrics(MatrixView features, MatrixView positions, const GroupInput&,
                              int rank_queries = 500);

/// Adds ppr, ccr, mse and margin_rank of the samples `ids` (rows of the round trip; empty = all rows). `own`:
/// what the classifier says of the samples at f.
void add_round_trip(GroupMetrics&, std::span<const Verdict> own, const RoundTrip&,
                    std::span<const int32_t> ids = {});

/// Adds ppr_fitted, margin_rank_fitted, moved_share and moved_mean of the samples `ids` (empty = all).
/// `own`: what the classifier says of the samples, `shown`: what the ground said of their places before they
/// were moved. `moved` is empty where nothing is moved.
void add_fitted(GroupMetrics&, std::span<const Verdict> own, std::span<const Verdict> shown,
                std::span<const float> moved, std::span<const int32_t> ids = {});

/// Share of `boundary_positions` [M, 2] on a boundary cell.
double keep_boundary(const Landscape&, const Extent&, MatrixView boundary_positions);

/// nn_15 in the published convention of "test": train and test samples together among one another, each its
/// own first neighbour. Of the test samples from their lists; of the train samples on at most `queries`,
/// drawn with a fixed seed, whose lists (distances too) are completed with the nearest test samples. Absent
/// where lists are shorter than 14.
std::optional<double> nn_15_with_self(MatrixView features, MatrixView positions, const GroupInput& train,
                                      const GroupInput& test, int queries = 1000);

/// [rows] size of the intersection of the first k of each row: neighbors_kept.npy.
std::vector<uint8_t> neighbors_kept(const Neighbors& a, const Neighbors& b, int k);

}  // namespace dvi
