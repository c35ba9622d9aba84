#include "vis/backend/cpu/decoder_steps.h"

#include "core/random.h"
#include "vis/divergence.h"

namespace dvi {

DecoderSteps::DecoderSteps(const DistillProblem& problem, Precision precision, int workers, Mlp& decoder)
    : problem_(problem),
      precision_(precision),
      decoder_(decoder),
      adam_(decoder.parameters().size()),
      workers_(static_cast<size_t>(workers)),
      gradients_(static_cast<size_t>(workers), std::vector<float>(decoder.parameters().size(), 0.f)) {}

void DecoderSteps::forward(int worker, const BatchShare& share, int64_t step) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  w.places = gather_rows(problem_.places, share.rows);
  Random random(problem_.seed ^ 0x11772, static_cast<uint64_t>(step), static_cast<uint64_t>(worker));
  for (int64_t i = 0; i < 2 * w.places.rows(); ++i)
    w.places.data()[i] += static_cast<float>(problem_.jitter * random.normal());
  decoder_.forward(w.places, w.trace, precision_);
}

void DecoderSteps::judge(int worker, const BatchShare& share) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const MatrixView out = w.trace.output();
  const int64_t classes = problem_.head->class_count();
  if (w.logits.rows() != out.rows) w.logits = Matrix(out.rows, classes);
  if (w.by_output.rows() != out.rows) w.by_output = Matrix(out.rows, out.cols);
  problem_.head->logits(out, w.features, w.logits.mut());
  for (int64_t i = 0; i < out.rows; ++i)
    w.divergence += dvi::divergence(
        {problem_.logits.row(share.sources[static_cast<size_t>(i)]), static_cast<size_t>(classes)},
        {w.logits.row(i), static_cast<size_t>(classes)}, problem_.sharpness, share.batch);
  problem_.head->gradient(w.logits, w.features, w.by_output.mut());
}

void DecoderSteps::backward(int worker, const BatchShare& share) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const MutMatrixView out = w.trace.output();
  constexpr auto dimensions = static_cast<float>(FeatureUnits::filled_dimensions);
  const auto weight = static_cast<float>(2 * (problem_.reconstruction_weight / dimensions));
  for (int64_t i = 0; i < out.rows * out.cols; ++i) {
    const float error = out.data[i] - share.features.data()[i];
    w.loss += error * error / dimensions;
    out.data[i] = weight * error / static_cast<float>(share.batch) + w.by_output.data()[i];
  }
  decoder_.backward(w.places, w.trace, out, gradients_[static_cast<size_t>(worker)], nullptr, precision_);
}

void DecoderSteps::update(float learning_rate) {
  adam_.step(decoder_.parameters(), gradients_, learning_rate);
}

void DecoderSteps::forget_losses() {
  for (auto& w : workers_) w.loss = w.divergence = 0;
}

double DecoderSteps::loss() const {
  double sum = 0;
  for (const auto& w : workers_) sum += w.loss;
  return sum;
}

double DecoderSteps::divergence() const {
  double sum = 0;
  for (const auto& w : workers_) sum += w.divergence;
  return sum;
}

}  // namespace dvi
