#include "fit/measure.h"

#include <algorithm>
#include <utility>

#include "comm/shared_for.h"
#include "fit/measure_new.h"
#include "fit/round_trip.h"
#include "graph/plane_neighbors.h"
#include "landscape/landscape_parts.h"
#include "landscape/plane_classifier.h"

namespace dvi {
namespace {

/// What the plane says of all samples.
struct Plane {
  PlaneIndex among_train;    // ids
  Neighbors train, other;    // k = measure_k, indices are ids; of train samples those of this rank
  Neighbors train_boundary;  // of its train samples among the fit's boundary samples
  Neighbors test_boundary;   // of test samples among the evaluation's
  RoundTrip back;
};

/// encoder(features) of n samples; `features` are those that this rank passes.
Matrix encoded(const PlaneEncoder& encoder, MatrixView features, int64_t n) {
  const RowRange own = passed_rows(n);
  Matrix positions(n, 2);
  encoder.apply(features, positions.mut().slice(own.begin, own.size()));
  gather_shared(n, pass_grain, shared_rows(positions.mut()));
  return positions;
}

MatrixView passed_features(MatrixView features) {
  const RowRange own = passed_rows(features.rows);
  return features.slice(own.begin, own.size());
}

std::vector<int32_t> joined(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int32_t> out(a.begin(), a.end());
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

std::span<const int32_t> own_rows(std::span<const int32_t> ids) {
  const RowRange own = owned_rows(std::ssize(ids));
  return ids.subspan(static_cast<size_t>(own.begin), static_cast<size_t>(own.size()));
}

class Measurement {
 public:
  Measurement(const SampleSets& sets, const EpochData& data, const Projection& projection)
      : sets_(sets), data_(data), projection_(projection), own_train_(own_rows(sets.train)) {}

  /// Metrics of train, test and both together, shown at `positions`, boundary samples at theirs.
  EpochMetrics groups(MatrixView positions, MatrixView boundary_positions, MatrixView evaluation_positions,
                      int rank_queries) {
    plane_.reset();  // before the next is made
    plane_.emplace(Plane{PlaneIndex(positions, sets_.train), {}, {}, {}, {}, {}});
    const int k = data_.train_neighbors.k;
    const bool near_boundary = data_.boundary.size() > fit_k;
    {
      const Alone alone;  // each rank asks for its own samples
      const Matrix own = gather_rows(positions, own_train_);
      plane_->train = plane_->among_train.nearest(own, k, own_train_);
      if (near_boundary) plane_->train_boundary = PlaneIndex(boundary_positions).nearest(own, fit_k);
    }
    for (const auto& other : sets_.others)
      plane_->other.append(merged(plane_->among_train.nearest(gather_rows(positions, other.ids), k),
                                  plane_neighbors(positions, other.ids, other.ids, k), k));
    const auto* test = sets_.test();
    if (data_.test_to_evaluation.k > 0)
      plane_->test_boundary =
          PlaneIndex(evaluation_positions).nearest(gather_rows(positions, test->ids), fit_k);

    plane_->back = round_trip(projection_.model.decoder, *data_.subject, positions,
                              passed_features(data_.features), data_.verdicts);

    GroupInput train{sets_.train, sets_.train, &data_.train_neighbors, &plane_->train, nullptr, nullptr,
                     0,           true};
    if (near_boundary && data_.train_to_boundary.k == fit_k) {
      train.boundary_neighbors = &data_.train_to_boundary;
      train.plane_boundary_neighbors = &plane_->train_boundary;
      train.boundary_count = data_.boundary.size();
    }
    EpochMetrics out;
    out.train = neighbor_metrics(data_.features, positions, train, rank_queries);
    add_round_trip(out.train, data_.verdicts, plane_->back, sets_.train);
    if (test != nullptr) {
      const auto count = static_cast<int64_t>(test->ids.size());
      const Neighbors near = rows_of(data_.other_neighbors, 0, count),
                      plane_near = rows_of(plane_->other, 0, count);
      const auto references = joined(sets_.train, test->ids);
      GroupInput input{test->ids, references, &near, &plane_near, nullptr, nullptr, 0};
      if (data_.test_to_evaluation.k > 0) {
        input.boundary_neighbors = &data_.test_to_evaluation;
        input.plane_boundary_neighbors = &plane_->test_boundary;
        input.boundary_count = data_.evaluation_boundary.size();
      }
      out.test = neighbor_metrics(data_.features, positions, input, rank_queries);
      add_round_trip(out.test, data_.verdicts, plane_->back, test->ids);
      if (rank_queries > 0) {
        out.all.count = static_cast<int64_t>(references.size());
        out.all.nn_15_with_self = nn_15_with_self(data_.features, positions, train, input);
      }
    }
    return out;
  }
  const Plane& plane() const { return *plane_; }

 private:
  const SampleSets& sets_;
  const EpochData& data_;
  const Projection& projection_;
  std::span<const int32_t> own_train_;  // those that this rank owns
  std::optional<Plane> plane_;
};

}  // namespace

Measured measure(const SampleSets& sets, const EpochData& data, const Projection& projection,
                 const Landscape& landscape, const Extent& extent) {
  constexpr int rank_queries = 300;
  Measured out;
  std::optional<Measurement> measurement(std::in_place, sets, data, projection);
  // The encoder first, so that what is kept of the plane afterwards is of the positions shown.
  std::optional<std::pair<GroupMetrics, GroupMetrics>> encoder;
  if (!projection.shows_encoder) {
    const auto of_boundary = [&](const BoundarySet& set) {
      return encoded(projection.model.encoder, set.features, set.size());
    };
    out.encoder_positions =
        encoded(projection.model.encoder, passed_features(data.features), data.features.rows());
    const EpochMetrics alone = measurement->groups(out.encoder_positions, of_boundary(data.boundary),
                                                   of_boundary(data.evaluation_boundary), 0);
    encoder = std::pair(alone.train, alone.test);
  }
  out.metrics = measurement->groups(projection.positions, projection.boundary_positions,
                                    projection.evaluation_boundary_positions, rank_queries);
  if (encoder) out.metrics.encoder_train = encoder->first;
  if (encoder && sets.test() != nullptr) out.metrics.encoder_test = encoder->second;

  PlaneClassifier ground(projection.model.decoder, *data.subject);
  const bool moves = projection.fitted_positions.rows() > 0;
  const auto fitted = ground.judge(moves ? projection.fitted_positions.view() : projection.positions.view());
  add_fitted(out.metrics.train, data.verdicts, fitted, projection.moved, sets.train);
  if (sets.test() != nullptr)
    add_fitted(out.metrics.test, data.verdicts, fitted, projection.moved, sets.test()->ids);
  out.metrics.territory_parts = landscape_parts(landscape);

  if (data.evaluation_boundary.size() > 0) {
    const auto& set = data.evaluation_boundary;
    const std::vector<Verdict> own = judge(set.logits.view());
    add_round_trip(out.metrics.boundary, own,
                   round_trip(projection.model.decoder, *data.subject,
                              projection.evaluation_boundary_positions, set.features, own));
    out.metrics.boundary.count = set.size();
    add_fitted(out.metrics.boundary, own,
               ground.judge(moves ? projection.fitted_evaluation_positions.view()
                                  : projection.evaluation_boundary_positions.view()),
               projection.evaluation_moved);
    out.metrics.boundary.keep_boundary =
        keep_boundary(landscape, extent, projection.evaluation_boundary_positions);
  }

  measure_new_samples(sets, data, projection, landscape, extent, measurement->plane().among_train,
                      out.metrics);

  for (const auto& verdict : measurement->plane().back.verdicts) out.round_trip.push_back(verdict.prediction);
  // One after the other, each given away: rank 0 needs the room for the lists of all.
  const auto by_sample = [&](SampleNeighbors lists) {
    const auto k = static_cast<int>(lists.k);
    return Neighbors{k, neighbors_by_sample(sets, std::move(lists)), {}};
  };
  SampleNeighbors plane_near = sample_neighbors(sets, measurement->plane().train, measurement->plane().other);
  measurement.reset();
  out.neighbors = by_sample(sample_neighbors(sets, data));
  out.plane_neighbors = by_sample(std::move(plane_near));
  out.kept = neighbors_kept(out.neighbors, out.plane_neighbors, out.neighbors.k);
  return out;
}

}  // namespace dvi
