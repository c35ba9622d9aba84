#include "vis/distill.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "vis/divergence.h"
#include "vis/feature_units.h"
#include "vis/places_beyond.h"
#include "vis/reduced_head.h"

namespace dvi {
namespace {

/// First layer of a network whose input is the plane: kinks of random direction through random samples. Drawn
/// the usual way, most lie where there are no samples, and fine territory takes many more passes.
void start_at_samples(Mlp& decoder, MatrixView positions, Random& random) {
  constexpr double steepness = 10;
  const MutMatrixView w = decoder.weight(0);
  for (int64_t i = 0; i < w.rows; ++i) {
    const double angle = 2 * std::numbers::pi * random.uniform();
    const float* at =
        positions.row(static_cast<int64_t>(random.below(static_cast<uint64_t>(positions.rows))));
    w(i, 0) = static_cast<float>(steepness * std::cos(angle));
    w(i, 1) = static_cast<float>(steepness * std::sin(angle));
    decoder.bias(0)[static_cast<size_t>(i)] = -(w(i, 0) * at[0] + w(i, 1) * at[1]);
  }
}

/// r -> hidden layers -> 2 and back, over units.
Autoencoder new_networks(const DistillOptions& options, int64_t r, MatrixView positions, Random& random) {
  std::vector<int64_t> widths(static_cast<size_t>(options.hidden_layers + 2), options.hidden);
  widths.front() = r;
  widths.back() = 2;
  Autoencoder model;
  model.encoder = Mlp(widths, random);
  std::reverse(widths.begin(), widths.end());
  model.decoder = Mlp(widths, random);
  start_at_samples(model.decoder, positions, random);
  return model;
}

/// Features of all rows of the task, over units.
Matrix features_in(const FeatureUnits& units, const DistillTask& task) {
  const int64_t samples = task.features.rows, more = task.more_features.rows;
  Matrix x(samples + more, units.dimensions());
  units.to_units(task.features, x.mut().slice(0, samples));
  units.to_units(task.more_features, x.mut().slice(samples, more));
  return x;
}

/// The rows that a pass visits, then the places beyond the samples.
std::vector<int32_t> all_visits(const DistillTask& task, int64_t samples, int64_t places) {
  std::vector<int32_t> visits = task.visits;
  if (visits.empty()) {
    visits.resize(static_cast<size_t>(samples));
    std::iota(visits.begin(), visits.end(), 0);
  }
  for (int64_t p = samples; p < places; ++p) visits.push_back(static_cast<int32_t>(p));
  return visits;
}

}  // namespace

DistillResult distill(const DistillTask& task, const DistillOptions& options,
                      const std::function<void(int64_t, int64_t)>& on_step) {
  const FeatureUnits units = FeatureUnits::of(task.features, options.subspace);
  const PlaneUnits plane = PlaneUnits::of(task.positions);
  const Matrix features = features_in(units, task), positions = plane.to_units(task.positions);
  const Places places = with_places_beyond(positions, task.features.rows, options.beyond, task.seed);
  const ReducedHead head(*task.subject, units);

  Random random(task.seed, 0xd15);
  Autoencoder model = new_networks(options, units.dimensions(), positions, random);
  if (task.previous != nullptr)
    model = {unfold_encoder(task.previous->encoder, units, plane),
             unfold_decoder(task.previous->decoder, units, plane)};
  const DistillSchedule schedule = make_schedule(all_visits(task, features.rows(), places.at.rows()),
                                                 options.steps, options.batch, options.learning_rate, random);

  DistillProblem problem;
  problem.features = features;
  problem.sources = places.sources;
  problem.positions = positions;
  problem.places = places.at;
  problem.jitter = static_cast<float>(options.jitter) / plane.spread;
  problem.logits = task.logits;
  problem.head = &head;
  problem.sharpness = sharpness(task.logits);
  problem.reconstruction_weight = options.reconstruction_weight;
  problem.seed = task.seed;

  const auto trainer = make_trainer(options.device, head.linear(), options.precision);
  const DistillLosses sums = trainer->train(problem, schedule, model, [&](int64_t step) {
    if (on_step) on_step(step, schedule.steps());
  });
  const auto counted = static_cast<double>((schedule.steps() - schedule.last_pass) * schedule.batch);
  DistillResult result{{fold_encoder(model.encoder, units, plane), fold_decoder(model.decoder, units, plane)},
                       sums.encoder / counted,
                       sums.decoder / counted,
                       sums.divergence / counted,
                       trainer->device()};
  if (!std::isfinite(result.encoder_error + result.decoder_error + result.divergence))
    fail(
        "training the visualization model did not stay finite; check the features for extreme values with "
        "`dvi check`");
  return result;
}

}  // namespace dvi
