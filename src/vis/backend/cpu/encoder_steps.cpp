#include "vis/backend/cpu/encoder_steps.h"

namespace dvi {

EncoderSteps::EncoderSteps(const DistillProblem& problem, Precision precision, int workers, Mlp& encoder)
    : problem_(problem),
      precision_(precision),
      encoder_(encoder),
      adam_(encoder.parameters().size()),
      workers_(static_cast<size_t>(workers)),
      gradients_(static_cast<size_t>(workers), std::vector<float>(encoder.parameters().size(), 0.f)) {}

void EncoderSteps::add_gradient(int worker, const BatchShare& share) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const MutMatrixView out = encoder_.forward(share.features, w.trace, precision_);
  for (int64_t i = 0; i < out.rows; ++i)
    for (int c = 0; c < 2; ++c) {
      const float error = out(i, c) - problem_.positions(share.sources[static_cast<size_t>(i)], c);
      w.loss += 0.5 * error * error;
      out(i, c) = error / static_cast<float>(share.batch);
    }
  encoder_.backward(share.features, w.trace, out, gradients_[static_cast<size_t>(worker)], nullptr,
                    precision_);
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
