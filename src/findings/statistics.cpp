#include "findings/statistics.h"

#include <algorithm>
#include <cmath>

namespace dvi {
namespace {

constexpr double z95 = 1.96;

double share_end(int64_t hits, int64_t n, double side) {
  if (n == 0) return side < 0 ? 0 : 1;
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(hits) / count;
  const double spread = z95 * std::sqrt(p * (1 - p) / count + z95 * z95 / (4 * count * count));
  return (p + z95 * z95 / (2 * count) + side * spread) / (1 + z95 * z95 / count);
}

/// Mean and variance of hits in the first group under exchange.
struct Moments {
  double mean = 0, variance = 0;
};
Moments exchange_moments(const Stratum& s) {
  const auto n = static_cast<double>(s.first + s.second), hits = static_cast<double>(s.hits1 + s.hits2);
  if (n < 2) return {hits * (s.first > 0 ? 1.0 : 0.0), 0};
  const auto first = static_cast<double>(s.first);
  return {first * hits / n, first * hits * (n - hits) * (n - first) / (n * n * (n - 1))};
}

}  // namespace

double normal_tail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

double binomial_tail(int64_t count, int64_t n, double p) {
  if (count <= 0) return 1;
  if (count > n || p <= 0) return 0;
  if (p >= 1) return 1;
  double sum = 0;
  for (int64_t k = count; k <= n; ++k) {
    const auto a = static_cast<double>(k), b = static_cast<double>(n - k);
    const double term = std::exp(std::lgamma(a + b + 1) - std::lgamma(a + 1) - std::lgamma(b + 1) +
                                 a * std::log(p) + b * std::log1p(-p));
    sum += term;
    if (a > (a + b) * p && term < 1e-18 * sum) break;  // terms fall from here on
  }
  return std::min(1.0, sum);
}

double exchange_tail(int64_t hits1, int64_t first, int64_t hits2, int64_t second) {
  const Stratum one[] = {{hits1, first, hits2, second}};
  return stratified_excess(one).tail;
}

Excess stratified_excess(std::span<const Stratum> strata) {
  double hits = 0, mean = 0, variance = 0;
  for (const Stratum& s : strata) {
    const Moments m = exchange_moments(s);
    hits += static_cast<double>(s.hits1);
    mean += m.mean;
    variance += m.variance;
  }
  if (!(variance > 0)) return {mean, 1};
  return {mean, normal_tail((hits - mean - 0.5) / std::sqrt(variance))};
}

std::vector<double> trials_tail(std::span<const double> probabilities) {
  std::vector<double> exactly{1};
  for (const double p : probabilities) {
    exactly.push_back(0);
    for (size_t k = exactly.size() - 1; k > 0; --k) exactly[k] = exactly[k] * (1 - p) + exactly[k - 1] * p;
    exactly[0] *= 1 - p;
  }
  for (size_t k = exactly.size() - 1; k > 0; --k) exactly[k - 1] += exactly[k];
  return exactly;
}

double share_low(int64_t hits, int64_t n) { return share_end(hits, n, -1); }
double share_high(int64_t hits, int64_t n) { return share_end(hits, n, 1); }

}  // namespace dvi
