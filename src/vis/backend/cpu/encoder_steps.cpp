#include "vis/backend/cpu/encoder_steps.h"

#include <cmath>

#include "linalg/softmax.h"

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

void EncoderSteps::add_gradient(int worker, std::span<const int32_t> rows, MatrixView features) {
  Worker& w = workers_[static_cast<size_t>(worker)];
  const MutMatrixView out = encoder_.forward(features, w.trace, precision_);
  const LandmarkShares& targets = *problem_.shares;
  const auto per_point = static_cast<size_t>(targets.per_point);
  for (int64_t i = 0; i < out.rows; ++i) {
    const std::span<float> row(out.row(i), static_cast<size_t>(out.cols));
    const auto first = static_cast<size_t>(rows[static_cast<size_t>(i)] * targets.per_point);
    const std::span<const int32_t> landmarks = std::span(targets.landmarks).subspan(first, per_point);
    const std::span<const float> shares = std::span(targets.shares).subspan(first, per_point);
    for (size_t t = 0; t < per_point; ++t)
      if (shares[t] > 0) w.loss += shares[t] * (std::log(shares[t]) - row[static_cast<size_t>(landmarks[t])]);
    w.loss += softmax(row);  // the shares add up to 1
    for (size_t t = 0; t < per_point; ++t) row[static_cast<size_t>(landmarks[t])] -= shares[t];
    for (float& gradient : row) gradient /= batch_;
  }
  encoder_.backward(features, w.trace, out, gradients_[static_cast<size_t>(worker)], nullptr, precision_);
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
