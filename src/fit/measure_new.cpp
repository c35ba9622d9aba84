#include "fit/measure_new.h"

#include <algorithm>

#include "fit/round_trip.h"
#include "graph/plane_neighbors.h"
#include "landscape/plane_classifier.h"
#include "project/placer.h"

namespace dvi {
void measure_new_samples(const SampleSets& sets, const EpochData& data, const Projection& projection,
                         const Landscape& landscape, const Extent& extent, const PlaneIndex& among_train,
                         EpochMetrics& metrics) {
  if (!projection.relocation) return;
  const Matrix train_positions = gather_rows(projection.positions, sets.train);
  std::vector<int32_t> predictions;
  std::vector<float> margins;
  for (const Verdict& verdict : verdicts_of(data, sets.train)) {
    predictions.push_back(verdict.prediction);
    margins.push_back(verdict.margin);
  }
  const PlacedTrain train{train_positions, predictions, std::move(margins)};
  Placer placer(train, projection.model.decoder, *data.subject, *projection.relocation);

  PlaneClassifier ground(projection.model.decoder, *data.subject);

  Matrix boundary_places;
  if (const auto& set = data.evaluation_boundary; set.size() > 0 && data.evaluation_to_train.k > 0) {
    const std::vector<Verdict> own = judge(set.logits.view());
    const auto places = placer.place(nearest_of(data.evaluation_to_train, place_k), own);
    GroupMetrics& group = metrics.new_boundary.emplace();
    group.count = set.size();
    add_round_trip(group, own,
                   round_trip(projection.model.decoder, *data.subject, places.shown, set.features, own));
    add_fitted(group, own, ground.judge(places.fitted), places.moved);
    group.keep_boundary = keep_boundary(landscape, extent, places.shown);
    boundary_places = places.shown;
  }

  const auto* test = sets.test();
  if (test == nullptr || test->ids.empty()) return;
  const auto count = static_cast<int64_t>(test->ids.size());
  const Neighbors nearest =
      rows_of(data.other_to_train, 0, count);  // the test set is the first of the others
  const std::vector<Verdict> own = verdicts_of(data, test->ids);
  const RowRange owned = owned_rows(count), passed = passed_rows(count);
  const auto places = placer.place(nearest_of(rows_of(nearest, owned.begin, owned.size()), place_k), own);
  const Neighbors near = with_ids(nearest_of(nearest, measure_k), sets.train);
  const auto shown_at = [&](MatrixView places_of_test, GroupInput input) {
    const Neighbors plane_near = among_train.nearest(places_of_test, near.k);
    input.plane_neighbors = &plane_near;
    return neighbor_metrics({}, {}, input, 0);
  };
  GroupInput input{test->ids, sets.train, &near, nullptr, nullptr, nullptr, 0};
  metrics.test_among_train = shown_at(gather_rows(projection.positions, test->ids), input);
  Neighbors plane_boundary;
  if (boundary_places.rows() > fit_k && data.test_to_evaluation.k > 0) {
    plane_boundary = PlaneIndex(boundary_places).nearest(places.shown, fit_k);
    input.boundary_neighbors = &data.test_to_evaluation;
    input.plane_boundary_neighbors = &plane_boundary;
    input.boundary_count = boundary_places.rows();
  }
  GroupMetrics& group = metrics.new_test.emplace(shown_at(places.shown, input));
  const Matrix features = gather_rows(
      data.features,
      std::span(test->ids).subspan(static_cast<size_t>(passed.begin), static_cast<size_t>(passed.size())));
  add_round_trip(group, own,
                 round_trip(projection.model.decoder, *data.subject, places.shown, features, own));
  add_fitted(group, own, ground.judge(places.fitted), places.moved);
}

}  // namespace dvi
