#include "vis/adam.h"

#include <cmath>

#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"

namespace dvi {
namespace {

constexpr int64_t grain = 16384;  // parameters; five arrays of them fit a core's cache

DVI_MULTIVERSION void add_and_clear(float* __restrict sum, float* __restrict addend, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    sum[i] += addend[i];
    addend[i] = 0;
  }
}

/// step_size = learning rate / (1 - beta1^t) and square_scale = 1 / (1 - beta2^t) correct the bias of the
/// means.
DVI_MULTIVERSION void update(float* __restrict parameter, float* __restrict gradient, float* __restrict mean,
                             float* __restrict square, int64_t n, float beta1, float beta2, float epsilon,
                             float step_size, float square_scale) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    const float m = beta1 * mean[i] + (1 - beta1) * g;
    const float v = beta2 * square[i] + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    parameter[i] -= step_size * m / (std::sqrt(v * square_scale) + epsilon);
    gradient[i] = 0;
  }
}

}  // namespace

Adam::Adam(size_t parameters, float beta1, float beta2, float epsilon)
    : beta1_(beta1), beta2_(beta2), epsilon_(epsilon), mean_(parameters), square_(parameters) {}

void Adam::step(std::span<float> parameters, std::span<std::vector<float>> worker_gradients,
                float learning_rate) {
  if (parameters.size() != mean_.size() || worker_gradients.empty())
    fail(
        "Adam was made for {} parameters and needs a worker's gradients, but {} parameters and {} workers "
        "came",
        mean_.size(), parameters.size(), worker_gradients.size());
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const auto step_size = static_cast<float>(learning_rate / (1 - std::pow(static_cast<double>(beta1_), t)));
  const auto square_scale = static_cast<float>(1 / (1 - std::pow(static_cast<double>(beta2_), t)));
  parallel_for(static_cast<int64_t>(parameters.size()), grain, [&](int64_t begin, int64_t end, int) {
    float* sum = worker_gradients[0].data() + begin;
    for (size_t w = 1; w < worker_gradients.size(); ++w)
      add_and_clear(sum, worker_gradients[w].data() + begin, end - begin);
    update(parameters.data() + begin, sum, mean_.data() + begin, square_.data() + begin, end - begin, beta1_,
           beta2_, epsilon_, step_size, square_scale);
  });
}

}  // namespace dvi
