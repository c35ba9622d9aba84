#include "linalg/softmax.h"

#include <algorithm>
#include <cmath>

#include "core/multiversion.h"

namespace dvi {
namespace {

constexpr int lanes = 16;

/// values[i] becomes exp(values[i] - most), which is at most 1; returns their sum.
DVI_MULTIVERSION float exponentials(float* __restrict values, long n, float most) {
  // exp(x) = 2^whole * 2^rest with |rest| <= 1/2; Taylor's series of 2^rest up to its sixth power.
  constexpr float log2_e = 1.44269504f,
                  rounding = 12582912.f;  // 1.5 * 2^23: adding it rounds to whole numbers
  constexpr float least = -87.f;          // exp() of less is no normal number
  float sums[lanes] = {};
  const auto exponential = [most](float value) __attribute__((always_inline)) {
    const float x = value - most;
    const float t = (x > least ? x : least) * log2_e;
    const float whole = (t + rounding) - rounding, rest = t - whole;
    const float power =
        1.f +
        rest * (0.693147181f +
                rest * (0.240226507f +
                        rest * (0.0555041087f +
                                rest * (0.00961812911f + rest * (0.00133335581f + rest * 0.000154035304f)))));
    const int bits = (static_cast<int>(whole) + 127) << 23;
    return power * __builtin_bit_cast(float, bits);
  };
  long i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane] = exponential(values[i + lane]);
  for (; i < n; ++i) sums[0] += values[i] = exponential(values[i]);
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum;
}

DVI_MULTIVERSION float largest(const float* values, long n) {
  float most[lanes];
  for (float& m : most) m = values[0];
  long i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      most[lane] = values[i + lane] > most[lane] ? values[i + lane] : most[lane];
  for (; i < n; ++i) most[0] = values[i] > most[0] ? values[i] : most[0];
  float out = most[0];
  for (const float m : most) out = m > out ? m : out;
  return out;
}

DVI_MULTIVERSION void scale(float* values, long n, float factor) {
  for (long i = 0; i < n; ++i) values[i] *= factor;
}

}  // namespace

float softmax(std::span<float> logits) {
  const auto n = static_cast<long>(logits.size());
  const float most = largest(logits.data(), n);
  const float sum = exponentials(logits.data(), n, most);
  scale(logits.data(), n, 1 / sum);
  return most + std::log(sum);
}

}  // namespace dvi
