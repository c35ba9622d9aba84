#include "causes/nonnegative.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace dvi {
namespace {

TEST(Nonnegative, MeetsTheConditionsOfAMinimum) {
  constexpr size_t rows = 30, n = 8;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::vector<double> a(rows * n), b(rows), q(n * n, 0), c(n, 0);
    for (double& value : a) value = random.normal();
    for (double& value : b) value = random.normal();
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < n; ++j) {
        c[j] += a[i * n + j] * b[i];
        for (size_t k = 0; k < n; ++k) q[j * n + k] += a[i * n + j] * a[i * n + k];
      }
    const auto w = nonnegative_weights(q, c);
    // Karush-Kuhn-Tucker: the slope is zero where w > 0 and nowhere negative.
    for (size_t j = 0; j < n; ++j) {
      double slope = -c[j];
      for (size_t k = 0; k < n; ++k) slope += q[j * n + k] * w[k];
      EXPECT_GE(w[j], 0);
      if (w[j] > 0)
        EXPECT_NEAR(slope, 0, 1e-3);
      else
        EXPECT_GE(slope, -1e-3);
    }
  }
}

TEST(Nonnegative, ColumnOfZerosGetsNothing) {
  EXPECT_EQ(nonnegative_weights({1, 0, 0, 0}, {2, 0}), (std::vector<double>{2, 0}));
  EXPECT_EQ(nonnegative_weights({1}, {-2}), (std::vector<double>{0}));
}

}  // namespace
}  // namespace dvi
