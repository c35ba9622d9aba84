#include "vis/distill.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "comm/comm.h"
#include "core/error.h"
#include "vis/divergence.h"
#include "vis/feature_units.h"
#include "vis/landmarks.h"
#include "vis/places_beyond.h"
#include "vis/reduced_head.h"
#include "vis/training_features.h"

namespace dvi {
namespace {

std::vector<int32_t> visits_of(const DistillTask& task, int64_t rows) {
  if (!task.visits.empty()) return task.visits;
  std::vector<int32_t> visits(static_cast<size_t>(rows));
  std::iota(visits.begin(), visits.end(), 0);
  return visits;
}

/// inputs -> hidden layers -> outputs.
Mlp new_network(int64_t inputs, int64_t hidden, int layers, int64_t outputs, Random& random) {
  std::vector<int64_t> widths(static_cast<size_t>(layers + 2), hidden);
  widths.front() = inputs;
  widths.back() = outputs;
  return Mlp(std::move(widths), random);
}

/// Coarse to fine, until there are about as many cells as samples.
std::vector<int> grid_sizes(const DistillOptions& options, int64_t samples) {
  std::vector<int> sizes = {options.coarsest_grid};
  const auto enough = [&](int size) {
    return size >= options.most_finest_grid ||
           (size >= options.least_finest_grid && int64_t{size} * size >= samples);
  };
  while (!enough(sizes.back())) sizes.push_back(2 * sizes.back());
  return sizes;
}

/// A square around all positions with some room, so that the samples of the next epochs lie in it too.
FeatureGrid::Box box_around(MatrixView positions) {
  constexpr float room = 0.05f;
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < positions.rows; ++i)
    for (int c = 0; c < 2; ++c) {
      low[c] = std::min(low[c], positions(i, c));
      high[c] = std::max(high[c], positions(i, c));
    }
  const float extent = std::max(high[0] - low[0], high[1] - low[1]);
  const float side = (1 + 2 * room) * (extent > 0 ? extent : 1.f);
  return {0.5f * (low[0] + high[0] - side), 0.5f * (low[1] + high[1] - side), side};
}

bool contains(const FeatureGrid::Box& outer, const FeatureGrid::Box& inner) {
  const float slack = 0.05f * inner.side;  // the room that box_around() left
  return outer.x0 <= inner.x0 + slack && outer.y0 <= inner.y0 + slack &&
         outer.x0 + outer.side >= inner.x0 + inner.side - slack &&
         outer.y0 + outer.side >= inner.y0 + inner.side - slack && outer.side < 1.5f * inner.side;
}

/// That of the epoch before where its grids have the size and cover the samples, else a new one.
PlaneDecoder first_decoder(const DistillTask& task, const DistillOptions& options, const FeatureUnits& units,
                           Random& random, bool* warm) {
  const std::vector<int> sizes = grid_sizes(options, task.positions.rows);
  const FeatureGrid::Box box = box_around(task.positions);
  const PlaneDecoder* before = task.previous != nullptr ? &task.previous->decoder : nullptr;
  *warm = before != nullptr && before->grid.sizes() == sizes && contains(before->grid.box(), box);
  if (*warm) return {before->grid, unfold_decoder(before->network, units)};
  PlaneDecoder decoder;
  decoder.grid = FeatureGrid(sizes, box);
  // Finer levels start at zero, so that ground that no sample visits has what the coarsest level says.
  for (float& p : decoder.grid.level(0)) p = static_cast<float>(0.1 * (random.uniform() - 0.5));
  decoder.network = new_network(decoder.grid.width(), options.decoder_hidden, options.decoder_layers,
                                units.dimensions(), random);
  return decoder;
}

void scale_output(Mlp& network, float factor) {
  const int last = network.layers() - 1;
  const MutMatrixView weight = network.weight(last);
  for (int64_t i = 0; i < weight.rows * weight.cols; ++i) weight.data[i] *= factor;
  for (float& bias : network.bias(last)) bias *= factor;
}

/// That of the epoch before, its landmarks moved to where the points lie now, or a new one.
PlaneEncoder first_encoder(const DistillTask& task, const DistillOptions& options, const FeatureUnits& units,
                           Random& random) {
  const int64_t count = std::clamp(task.positions.rows / options.points_a_landmark, options.least_landmarks,
                                   options.most_landmarks);
  const PlaneEncoder* before = task.previous != nullptr ? &task.previous->encoder : nullptr;
  PlaneEncoder encoder;
  encoder.landmarks =
      find_landmarks(task.positions, count, before != nullptr ? &before->landmarks : nullptr, task.seed);
  if (before != nullptr && before->landmarks.rows() == encoder.landmarks.rows()) {
    encoder.network = unfold_encoder(before->network, units);
    scale_output(encoder.network, 1 / options.decisiveness);
  } else {
    encoder.network = new_network(units.dimensions(), options.encoder_hidden, options.encoder_layers,
                                  encoder.landmarks.rows(), random);
  }
  return encoder;
}

/// Which rank of the job trains what. Encoder and decoder learn the same positions and nothing of each other.
constexpr int encoder_rank = 0;
int decoder_rank() { return std::min(1, comm().size() - 1); }

/// The networks that this rank trains; the other one as it begins.
DistillResult train_own(const DistillTask& task, const DistillOptions& options, const FeatureUnits& units,
                        const TrainingFeatures& features,
                        const std::function<void(int64_t, int64_t)>& on_step) {
  const bool trains_encoder = comm().rank() == encoder_rank, trains_decoder = comm().rank() == decoder_rank();
  const Alone alone;
  const ReducedHead head(*task.subject, units);
  const auto trainer = make_trainer(options.device, head.linear(), options.precision);
  DistillResult result;
  result.device = trainer->device();
  Random random(task.seed, 0xd15);
  bool warm = false;
  PlaneDecoder decoder = first_decoder(task, options, units, random, &warm);
  const int64_t decoder_steps = warm ? options.warm_decoder_steps : options.decoder_steps;
  const int64_t steps = (trains_encoder ? options.encoder_steps : 0) + (trains_decoder ? decoder_steps : 0);
  const auto report = [&](int64_t before) {
    return [&, before](int64_t step) {
      if (on_step) on_step(before + step, steps);
    };
  };
  result.encoder_steps = options.encoder_steps;
  result.decoder_steps = decoder_steps;
  std::vector<int32_t> visits = visits_of(task, features.rows());

  PlaneEncoder encoder = first_encoder(task, options, units, random);
  const auto seen = static_cast<int64_t>(visits.size());
  const DistillSchedule encoder_schedule =
      make_schedule(visits, options.encoder_steps,
                    std::min(std::max<int64_t>(seen / 60, 64), options.encoder_batch), random);
  if (trains_encoder) {
    const LandmarkShares shares = landmark_shares(task.positions, encoder.landmarks);
    result.encoder_error = trainer->train_encoder({&features, &shares}, encoder_schedule,
                                                  options.encoder_rate, encoder.network, report(0)) /
                           encoder_schedule.counted();
  }
  if (trains_decoder) {
    const Places places = with_places_beyond(task.positions, task.features.rows, options.beyond, task.seed);
    for (int64_t p = features.rows(); p < places.at.rows(); ++p) visits.push_back(static_cast<int32_t>(p));
    const DistillSchedule schedule =
        make_schedule(std::move(visits), decoder_steps,
                      std::min(std::max<int64_t>(seen / 4, 1024), options.decoder_batch), random);
    std::vector<Verdict> verdicts;
    verdicts.reserve(static_cast<size_t>(task.logits.rows()));
    for (const MatrixView part : {task.logits.first, task.logits.second})
      std::ranges::copy(judge(part), std::back_inserter(verdicts));
    DecoderProblem problem;
    problem.features = &features;
    problem.logits = task.logits;
    problem.verdicts = verdicts;
    problem.places = places.at;
    problem.sources = places.sources;
    problem.jitter = static_cast<float>(options.jitter) * decoder.grid.box().side;
    problem.head = &head;
    problem.sharpness = sharpness(task.logits);
    problem.reconstruction_weight = options.reconstruction_weight;
    problem.margin_weight = options.margin_weight;
    problem.seed = task.seed;
    const DecoderLosses losses = trainer->train_decoder(problem, schedule, options.decoder_rates, decoder,
                                                        report(steps - decoder_steps));
    result.decoder_error = losses.reconstruction / schedule.counted();
    result.divergence = losses.divergence / schedule.counted();
  }
  decoder.network = fold_decoder(decoder.network, units);
  scale_output(encoder.network, options.decisiveness);
  encoder.network = fold_encoder(encoder.network, units);
  result.model = {std::move(encoder), std::move(decoder)};
  return result;
}

void broadcast_network(Mlp& network, int root) {
  std::vector<int64_t> widths = network.widths();
  std::vector<float> parameters(network.parameters().begin(), network.parameters().end());
  broadcast(widths, root);
  broadcast(parameters, root);
  network = Mlp(std::move(widths), std::move(parameters));
}

void broadcast_matrix(Matrix& matrix, int root) {
  int64_t shape[] = {matrix.rows(), matrix.cols()};
  broadcast_value(shape, root);
  if (comm().rank() != root) matrix = Matrix(shape[0], shape[1]);
  comm().broadcast(std::as_writable_bytes(std::span(matrix.data(), static_cast<size_t>(shape[0] * shape[1]))),
                   root);
}

void broadcast_units(FeatureUnits& units, int root) {
  broadcast(units.subspace.mean, root);
  broadcast_matrix(units.subspace.basis, root);
  broadcast(units.subspace.variance, root);
  broadcast_value(units.subspace.total_variance, root);
  broadcast_value(units.scale, root);
}

void broadcast_grid(FeatureGrid& grid, int root) {
  std::vector<int> sizes = grid.sizes();
  FeatureGrid::Box box = grid.box();
  std::vector<float> parameters(grid.parameters().begin(), grid.parameters().end());
  broadcast(sizes, root);
  broadcast_value(box, root);
  broadcast(parameters, root);
  grid = FeatureGrid(std::move(sizes), box);
  std::ranges::copy(parameters, grid.parameters().begin());
}

/// Every rank gets what those that trained have.
void broadcast_result(DistillResult& result) {
  if (comm().size() == 1) return;
  broadcast_network(result.model.encoder.network, encoder_rank);
  broadcast_matrix(result.model.encoder.landmarks, encoder_rank);
  broadcast_value(result.encoder_error, encoder_rank);
  broadcast_grid(result.model.decoder.grid, decoder_rank());
  broadcast_network(result.model.decoder.network, decoder_rank());
  for (double* error : {&result.decoder_error, &result.divergence}) broadcast_value(*error, decoder_rank());
  for (int64_t* steps : {&result.encoder_steps, &result.decoder_steps}) broadcast_value(*steps, encoder_rank);
}

}  // namespace

DistillResult distill(const DistillTask& task, const DistillOptions& options,
                      const std::function<void(int64_t, int64_t)>& on_step) {
  FeatureUnits units;
  if (comm().rank() == encoder_rank) units = FeatureUnits::of(task.features, options.subspace);
  if (comm().size() > 1) broadcast_units(units, encoder_rank);
  const TrainingFeatures features(units, task.features, task.more_features, task.logits.second.rows);
  DistillResult result;
  if (comm().rank() == encoder_rank || comm().rank() == decoder_rank())
    result = train_own(task, options, units, features, on_step);
  else
    features.serve();
  broadcast_result(result);
  if (!std::isfinite(result.encoder_error + result.decoder_error + result.divergence))
    fail(
        "training the visualization model did not stay finite; check the features for extreme values with "
        "`dvi check`");
  return result;
}

}  // namespace dvi
