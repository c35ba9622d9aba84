#include "vis/backend/cpu/decoder_steps.h"

#include "core/random.h"
#include "vis/divergence.h"
#include "vis/feature_units.h"
#include "vis/margin_error.h"

namespace dvi {
namespace {

std::vector<std::vector<float>> gradients_of(std::span<const float> parameters, int workers) {
  return {static_cast<size_t>(workers), std::vector<float>(parameters.size(), 0.f)};
}

/// A matrix of so many rows for scratch: its content is of the step before.
void fit(Matrix& scratch, int64_t rows, int64_t cols) {
  if (scratch.rows() != rows) scratch = Matrix(rows, cols);
}

}  // namespace

DecoderSteps::DecoderSteps(const DecoderProblem& problem, int64_t batch, Precision precision, int workers,
                           PlaneDecoder& decoder)
    : problem_(problem),
      batch_(batch),
      precision_(precision),
      decoder_(decoder),
      network_adam_(decoder.network.parameters().size()),
      grid_adam_(decoder.grid.parameters().size()),
      workers_(static_cast<size_t>(workers)),
      network_gradients_(gradients_of(decoder.network.parameters(), workers)),
      grid_gradients_(gradients_of(decoder.grid.parameters(), workers)) {}

void DecoderSteps::forward(int worker, std::span<const int32_t> rows, MatrixView features, int64_t step) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  w.sources.clear();
  for (const int32_t row : rows) w.sources.push_back(problem_.sources[static_cast<size_t>(row)]);
  w.targets = features;
  w.places = gather_rows(problem_.places, rows);
  Random random(problem_.seed ^ 0x11772, static_cast<uint64_t>(step), static_cast<uint64_t>(worker));
  for (int64_t i = 0; i < 2 * w.places.rows(); ++i)
    w.places.data()[i] += static_cast<float>(problem_.jitter * random.normal());
  w.decoded = decoder_.forward(w.places, w.trace, precision_);
}

void DecoderSteps::judge(int worker) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const auto classes = static_cast<size_t>(problem_.head->class_count());
  const auto batch = static_cast<float>(batch_);
  fit(w.logits, w.decoded.rows, problem_.head->class_count());
  fit(w.by_decoded, w.decoded.rows, w.decoded.cols);
  problem_.head->logits(w.decoded, w.features, w.logits.mut());
  for (int64_t i = 0; i < w.decoded.rows; ++i) {
    const int32_t source = w.sources[static_cast<size_t>(i)];
    const std::span<float> logits(w.logits.row(i), classes);
    w.by_margin.assign(classes, 0.f);
    margin_error(problem_.verdicts[static_cast<size_t>(source)], logits,
                 static_cast<float>(problem_.margin_weight) / batch, w.by_margin);
    // From here on `logits` holds the gradient.
    w.losses.divergence +=
        divergence({problem_.logits.row(source), classes}, logits, problem_.sharpness, batch_);
    for (size_t c = 0; c < classes; ++c) logits[c] += w.by_margin[c];
  }
  problem_.head->gradient(w.logits, w.features, w.by_decoded.mut());
}

void DecoderSteps::backward(int worker) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const MutMatrixView out = w.decoded;
  constexpr auto dimensions = static_cast<float>(FeatureUnits::filled_dimensions);
  const auto weight = static_cast<float>(2 * (problem_.reconstruction_weight / dimensions)),
             batch = static_cast<float>(batch_);
  for (int64_t i = 0; i < out.rows * out.cols; ++i) {
    const float error = out.data[i] - w.targets.data[i];
    w.losses.reconstruction += error * error / dimensions;
    out.data[i] = weight * error / batch + w.by_decoded.data()[i];
  }
  const auto at = static_cast<size_t>(worker);
  if (!decoder_.has_grid()) {
    decoder_.network.backward(w.places, w.trace.network, out, network_gradients_[at], nullptr, precision_);
    return;
  }
  fit(w.by_encoding, out.rows, decoder_.grid.width());
  MutMatrixView by_encoding = w.by_encoding.mut();
  decoder_.network.backward(w.trace.encoding.view().slice(0, out.rows), w.trace.network, out,
                            network_gradients_[at], &by_encoding, precision_);
  decoder_.grid.backward(w.places, by_encoding, grid_gradients_[at]);
}

void DecoderSteps::update(const DecoderRates& rates) {
  network_adam_.step(decoder_.network.parameters(), network_gradients_, static_cast<float>(rates.network));
  grid_adam_.step(decoder_.grid.parameters(), grid_gradients_, static_cast<float>(rates.grid));
}

void DecoderSteps::forget_losses() {
  for (auto& w : workers_) w.losses = {};
}

DecoderLosses DecoderSteps::losses() const {
  DecoderLosses sums;
  for (const auto& w : workers_) {
    sums.reconstruction += w.losses.reconstruction;
    sums.divergence += w.losses.divergence;
  }
  return sums;
}

}  // namespace dvi
