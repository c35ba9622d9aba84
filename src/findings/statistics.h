// The tests behind findings. All are permutation tests whose distribution is known in closed form, so that no
// permutation has to be drawn and thresholds below 1 in 1,000 cost nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

/// One finding too many in a hundred runs is what each kind of finding allows itself, over all it looks at.
constexpr double false_alarm_rate = 0.01;

/// P(X >= count) for X binomial(n, p). Of `n` changes that go either way by chance (p = 1/2) this is the sign
/// test: the permutation test that exchanges before and after within each sample.
double binomial_tail(int64_t count, int64_t n, double p);

/// P(X >= count) for the number of successes among `first` that are drawn without replacement from
/// first + second with hits1 + hits2 successes (hypergeometric: Fisher's exact test), by its normal
/// approximation with continuity correction: the permutation test that exchanges members of the two groups.
double exchange_tail(int64_t hits1, int64_t first, int64_t hits2, int64_t second);

/// Mantel and Haenszel, JNCI 1959: the same within strata (one entry each), summed. Returns the excess of
/// hits in the first groups over what exchange within strata gives, and its tail probability.
struct Stratum {
  int64_t hits1 = 0, first = 0, hits2 = 0, second = 0;
};
struct Excess {
  double expected = 0, tail = 1;
};
Excess stratified_excess(std::span<const Stratum> strata);

/// P(X >= k) for k = 0 to n of the sum of independent trials with these probabilities.
std::vector<double> trials_tail(std::span<const double> probabilities);

/// Lower and upper end of Wilson's 95 % interval of a share (JASA 1927).
double share_low(int64_t hits, int64_t n);
double share_high(int64_t hits, int64_t n);

/// P(X >= z) of the standard normal.
double normal_tail(double z);

}  // namespace dvi
