#include "vis/divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "linalg/softmax.h"

namespace dvi {

float sharpness(const StackedView& logits) {
  constexpr double enough = 2;  // mean distance of the two largest logits
  double sum = 0;
  for (int64_t i = 0; i < logits.rows(); ++i) {
    float first = -INFINITY, second = -INFINITY;
    for (int64_t c = 0; c < logits.cols(); ++c) {
      const float v = logits.row(i)[c];
      second = std::max(second, std::min(first, v));
      first = std::max(first, v);
    }
    sum += first - second;
  }
  const double mean = sum / static_cast<double>(logits.rows());
  return mean > 1e-6 ? static_cast<float>(std::max(1.0, enough / mean)) : 1.f;
}

double divergence(std::span<const float> logits, std::span<float> other, float sharpness, int64_t batch) {
  thread_local std::vector<float> target, p, raw;
  target.resize(other.size());
  for (size_t c = 0; c < other.size(); ++c) {
    target[c] = logits[c] * sharpness;
    other[c] *= sharpness;
  }
  p = target;
  raw.assign(other.begin(), other.end());
  const float log_p = softmax(p), log_q = softmax(other);
  double kl = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    if (p[c] > 0) kl += static_cast<double>(p[c]) * ((target[c] - log_p) - (raw[c] - log_q));
    other[c] = sharpness * (other[c] - p[c]) / static_cast<float>(batch);
  }
  return kl;
}

}  // namespace dvi
