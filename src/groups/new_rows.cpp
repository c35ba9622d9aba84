#include "groups/new_rows.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "graph/neighbor_index.h"
#include "graph/plane_neighbors.h"
#include "metrics/metrics.h"
#include "project/one_by_one.h"
#include "project/projector.h"
#include "run/epoch_names.h"
#include "run/feature_scale.h"
#include "vis/autoencoder.h"

namespace dvi {
namespace {

template <typename Value>
Matrix column(const std::vector<Verdict>& verdicts, const Value& value) {
  Matrix out(std::ssize(verdicts), 1);
  for (size_t i = 0; i < verdicts.size(); ++i) out.data()[i] = static_cast<float>(value(verdicts[i]));
  return out;
}

std::vector<int32_t> train_samples(const Run& run) {
  std::vector<int32_t> ids = run.manifest().ids_of_role("train");
  if (!ids.empty()) return ids;
  ids.resize(static_cast<size_t>(run.manifest().sample_count()));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

/// The k nearest among train samples (`to_train`, ids) and the group itself.
std::vector<int32_t> nearest_of_both(const Neighbors& to_train, MatrixView features, int k, int64_t begin) {
  const int64_t n = features.rows;
  Neighbors own;
  if (n > 1)
    own = NeighborIndex(features).exact(features, static_cast<int>(std::min<int64_t>(k, n - 1)), true);
  std::vector<int32_t> out;
  std::vector<std::pair<float, int32_t>> order;
  for (int64_t i = 0; i < n; ++i) {
    order.clear();
    for (size_t r = 0; r < to_train.row(i).size(); ++r)
      order.emplace_back(to_train.distances(i)[r], to_train.row(i)[r]);
    if (n > 1)
      for (size_t r = 0; r < own.row(i).size(); ++r)
        order.emplace_back(own.distances(i)[r], static_cast<int32_t>(begin) + own.row(i)[r]);
    std::ranges::sort(order);
    for (int r = 0; r < k; ++r) out.push_back(order[static_cast<size_t>(r)].second);
  }
  return out;
}

}  // namespace

NewRows recorded_rows(const Run& run, const Epoch& epoch, const NewSamples& samples) {
  const auto subject = open_subject(run, epoch);
  const float scale = feature_scale(epoch);
  NewRows out;
  Matrix features;
  if (samples.kind == SampleKind::inputs) {
    if (!subject->has_features())
      fail("epoch {}: expected a recorded model that turns inputs into features, found a head only",
           epoch_name(epoch));
    const InputReader reader(run);
    features = features_one_by_one(*subject, prepared(reader, samples.values), reader.sample_shape());
  } else {
    features = Matrix(samples.size(), samples.values.cols());
    std::ranges::copy(samples.values.view().span(), features.data());
    scale_by(features, scale);
  }
  expect_finite(features, epoch.folder() / "features.npy", "in those of the new samples");
  out.values["logits.npy"] = logits_one_by_one(*subject, features);
  scale_by(features, 1 / scale);
  out.values["features.npy"] = std::move(features);
  return out;
}

NewRows view_rows_of(const Run& run, const View& view, int number, MatrixView features, int64_t begin) {
  const auto epoch = view.epoch(number);
  Projector projector(run, view, number);
  const ProjectedSamples placed = projector.project(features);
  const int64_t n = features.rows, old = run.manifest().sample_count();
  const std::vector<int32_t> train = train_samples(run);
  const int k = static_cast<int>(epoch->neighbor_count());
  NewRows out;
  const Matrix& positions = out.values["positions.npy"] = placed.positions;
  out.values["predictions.npy"] = column(placed.verdicts, [](const Verdict& v) { return v.prediction; });
  out.values["runner_up.npy"] = column(placed.verdicts, [](const Verdict& v) { return v.runner_up; });
  out.values["confidence.npy"] = column(placed.verdicts, [](const Verdict& v) { return v.confidence; });
  out.values["margin.npy"] = column(placed.verdicts, [](const Verdict& v) { return v.margin; });
  Matrix& moved = out.values["moved.npy"] = Matrix(n, 1);
  std::ranges::copy(placed.moved, moved.data());

  // What the networks make of them.
  const Autoencoder model = load_autoencoder(*epoch);
  const Epoch recorded = run.epoch(number);
  const auto subject = open_subject(run, recorded);
  Matrix scaled(n, features.cols), back(n, features.cols), logits(n, subject->class_count());
  std::ranges::copy(features.span(), scaled.data());
  scale_by(scaled, feature_scale(recorded));
  Matrix& encoded = out.values["encoder_positions.npy"] = Matrix(n, 2);
  model.encoder.apply(scaled, encoded.mut());
  model.decoder.apply(positions, back.mut());
  subject->head(back, logits.mut());
  out.values["round_trip.npy"] = column(judge(logits.view()), [](const Verdict& v) { return v.prediction; });

  // Neighbours, as other groups than train have them: among train and their own group.
  std::vector<int32_t> own(static_cast<size_t>(n));
  std::iota(own.begin(), own.end(), static_cast<int32_t>(begin));
  out.ids["neighbors.npy"] = nearest_of_both(placed.nearest, features, k, begin);
  Matrix all(old + n, 2);
  std::ranges::copy(epoch->positions(), all.data());
  std::copy_n(positions.data(), 2 * n, all.row(old));
  std::vector<int32_t> references = train;
  references.insert(references.end(), own.begin(), own.end());
  const Neighbors plane = plane_neighbors(all, own, references, k);
  out.ids["plane_neighbors.npy"] = plane.index;
  const Neighbors in_features{k, out.ids["neighbors.npy"], {}};
  Matrix& kept = out.values["neighbors_kept.npy"] = Matrix(n, 1);
  std::ranges::copy(neighbors_kept(in_features, plane, k), kept.data());
  return out;
}

}  // namespace dvi
