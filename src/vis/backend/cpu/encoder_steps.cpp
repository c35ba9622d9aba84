#include "vis/backend/cpu/encoder_steps.h"

namespace dvi {

EncoderSteps::EncoderSteps(const EncoderProblem& problem, int64_t batch, Precision precision, int workers,
                           Mlp& encoder)
    : problem_(problem),
      batch_(static_cast<float>(batch)),
      precision_(precision),
      encoder_(encoder),
      adam_(encoder.parameters().size()),
      workers_(static_cast<size_t>(workers)),
      gradients_(static_cast<size_t>(workers), std::vector<float>(encoder.parameters().size(), 0.f)) {}

void EncoderSteps::add_gradient(int worker, std::span<const int32_t> rows) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  w.features = gather_rows(problem_.features, rows);
  const MutMatrixView out = encoder_.forward(w.features, w.trace, precision_);
  for (int64_t i = 0; i < out.rows; ++i)
    for (int c = 0; c < 2; ++c) {
      const float error = out(i, c) - problem_.positions(rows[static_cast<size_t>(i)], c);
      w.loss += 0.5 * error * error;
      out(i, c) = error / batch_;
    }
  encoder_.backward(w.features, w.trace, out, gradients_[static_cast<size_t>(worker)], nullptr, precision_);
}

void EncoderSteps::update(float learning_rate) {
  adam_.step(encoder_.parameters(), gradients_, learning_rate);
}

void EncoderSteps::forget_losses() {
  for (auto& w : workers_) w.loss = 0;
}

double EncoderSteps::loss() const {
  double sum = 0;
  for (const auto& w : workers_) sum += w.loss;
  return sum;
}

}  // namespace dvi
