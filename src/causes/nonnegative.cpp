#include "causes/nonnegative.h"

#include <algorithm>
#include <cmath>

namespace dvi {

std::vector<double> nonnegative_weights(const std::vector<double>& q, const std::vector<double>& c,
                                        int sweeps) {
  const size_t n = c.size();
  std::vector<double> weights(n, 0), slope(n);  // slope = Q w - c
  for (size_t i = 0; i < n; ++i) slope[i] = -c[i];
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    double most = 0, largest = 0;
    for (size_t i = 0; i < n; ++i) {
      const double curvature = q[i * n + i];
      if (!(curvature > 0)) continue;
      const double moved = std::max(-weights[i], -slope[i] / curvature);
      weights[i] += moved;
      if (moved != 0)
        for (size_t j = 0; j < n; ++j) slope[j] += moved * q[j * n + i];
      most = std::max(most, std::abs(moved));
      largest = std::max(largest, weights[i]);
    }
    if (most <= 1e-6 * largest) break;
  }
  return weights;
}

}  // namespace dvi
