// Everything about one recorded epoch that a visualization model is fitted on and judged by.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boundary/boundary_samples.h"
#include "core/scratch_file.h"
#include "core/stopwatch.h"
#include "graph/neighbors.h"
#include "run/run.h"
#include "subject/logits.h"
#include "subject/subject_model.h"

namespace dvi {

constexpr int fit_k = 15;      ///< neighbours of the complexes
constexpr int measure_k = 20;  ///< neighbours of the metrics
/// Neighbours among train samples that are found, so that a preset can choose those of its complex among
/// them.
constexpr int candidate_k = 40;

/// Who the model is fitted on, and who is only shown. The same for all epochs.
struct SampleSets {
  std::vector<int32_t> train;  ///< ids of role train, or all samples if there are none
  struct Other {
    std::string role;  ///< all groups of role test are one set; every other group is one of its own
    std::vector<int32_t> ids;
  };
  std::vector<Other> others;
  std::vector<int32_t> other_ids;  ///< of all `others`, in order

  /// Throws Error if there are too few train samples.
  static SampleSets of(const Run& run);
  const Other* test() const;
};

struct EpochData {
  int number = 0;
  std::unique_ptr<SubjectModel> subject;
  float feature_scale = 1;        ///< of the features, against those recorded (run/feature_scale.h)
  RecordedRows features;          ///< [N, D]
  RecordedRows logits;            ///< [N, C]
  std::vector<Verdict> verdicts;  ///< [N]
  BoundarySet boundary, evaluation_boundary;  ///< with the features of passed_rows() (comm/shared_for.h) only

  /// How far each sample's features moved since the epoch before, squared; empty at the first. [N]
  std::vector<float> squared_displacement;

  // Lists of train and of boundary samples would be large: a rank has those of its owned_rows()
  // (comm/shared_for.h) of SampleSets::train and of either set of boundary samples. All ranks have the
  // others.

  /// Candidates for a preset to choose its neighbours among, empty afterwards. Indices are rows of
  /// SampleSets::train. k = min(candidate_k, available)
  Neighbors train_to_train;
  /// From then on: the first min(measure_k, available) of them; indices are sample ids.
  Neighbors train_neighbors;
  Neighbors other_to_train;  ///< k = as many as places and metrics take, or those available
  /// Of the other samples among train and their own set, k = min(measure_k, available); indices are sample
  /// ids.
  Neighbors other_neighbors;
  /// k = min(fit_k, M); indices are rows of `boundary`. Empty if there are fewer than 2 boundary samples.
  Neighbors train_to_boundary, boundary_to_boundary;
  Neighbors boundary_to_train;  ///< as train_to_train
  /// Of the evaluation's boundary samples: as other_to_train, and as boundary_to_boundary.
  Neighbors evaluation_to_train, evaluation_to_boundary;
  /// Of the test samples, in the order of SampleSets::test(), k = fit_k; indices are rows of
  /// `evaluation_boundary`. Empty where there are too few of either.
  Neighbors test_to_evaluation;
  /// Recall of the least complete of these lists: 1 if all are exact, else measured (NeighborIndex::find
  /// tells when).
  double neighbor_recall = 1;

  StageSeconds seconds;
};

class PreparedEpochs;  // fit/prepared_epochs.h

/// Of the samples `ids`.
std::vector<Verdict> verdicts_of(const EpochData&, std::span<const int32_t> ids);

/// Loads an epoch, draws its boundary samples (recorded ones, else input space, else feature space) and finds
/// all neighbours, exactly unless there are very many samples. `before` is the number of the epoch that
/// `squared_displacement` compares with. Throws Error if features or logits are not finite. A classifier that
/// predicts one class only has no boundary samples. What `prepared` has of the epoch is taken from there.
EpochData load_epoch(const Run& run, const SampleSets& sets, int number, uint64_t seed,
                     std::optional<int> before, const PreparedEpochs* prepared = nullptr);

/// The features of a whole set of boundary samples, of which each rank has some. [M, D]
Matrix whole_features(const BoundarySet&);

/// Of the features of boundary samples, those that this rank passes.
void keep_passed_features(BoundarySet&);
/// Turns train_to_train into train_neighbors.
void drop_candidates(const SampleSets&, EpochData&);

/// Of the arrays that load_epoch() found by searching.
int64_t found_bytes(EpochData&);
/// Takes the arrays of an epoch out of memory: those that were found by searching go into the file, or stay
/// where there is none (null); what was recorded is where it was. `squared_displacement` is dropped.
void put_aside(EpochData&, ScratchFile*);
/// Brings them back.
void take_back(EpochData&, const Run& run, ScratchFile*);

/// The first min(fit_k, available) neighbours of the train samples that this rank owns, and of all other
/// samples, as ids: [n, k].
struct SampleNeighbors {
  std::vector<int32_t> train, other;
  int64_t k = 0;
};
SampleNeighbors sample_neighbors(const SampleSets&, const Neighbors& train, const Neighbors& other);
/// The same of the epoch's neighbours in feature space.
SampleNeighbors sample_neighbors(const SampleSets&, const EpochData&);
/// Of all samples, in the order of ids, [N, k]: for rank 0; the others get nothing.
std::vector<int32_t> neighbors_by_sample(const SampleSets&, SampleNeighbors);

/// What the classifier made of the samples at an earlier epoch, as later ones look back at it.
struct ClassifierSnapshot {
  std::vector<int32_t> predictions;  ///< [N]
  SampleNeighbors neighbors;
};
ClassifierSnapshot classifier_snapshot(const SampleSets&, const EpochData&);

/// Share of each sample's neighbours that it had in the earlier epoch already, 0 to 1; [N]. DVI's NPR (Yang
/// et al., AAAI 2022, "temporal-preserving property").
std::vector<float> neighbor_preserving_rate(const SampleSets&, const SampleNeighbors& now,
                                            const ClassifierSnapshot& earlier);

}  // namespace dvi
