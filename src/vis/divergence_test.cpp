#include "vis/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dvi {
namespace {

TEST(Divergence, IsNothingWhereDistributionsAreTheSame) {
  const std::vector<float> logits = {1, 2, -3};
  std::vector<float> other = {11, 12, 7};  // softmax does not see what all have in common
  EXPECT_NEAR(divergence(logits, other, 2, 1), 0, 1e-6);
  for (const float g : other) EXPECT_NEAR(g, 0, 1e-6);
}

TEST(Divergence, ItsGradientIsThatOfSmallSteps) {
  const std::vector<float> logits = {1, 0.5f, -1}, other = {-0.3f, 0.4f, 0.2f};
  std::vector<float> gradient = other;
  divergence(logits, gradient, 1.5f, 4);
  for (size_t c = 0; c < 3; ++c) {
    constexpr float step = 1e-2f;
    std::vector<float> more = other, less = other;
    more[c] += step;
    less[c] -= step;
    const double slope = (divergence(logits, more, 1.5f, 4) - divergence(logits, less, 1.5f, 4)) / (2 * step);
    EXPECT_NEAR(gradient[c], slope / 4, 1e-4);
  }
}

TEST(Divergence, NearlyEqualLogitsAreSharpened) {
  Matrix logits(2, 3);
  logits(0, 0) = 0.1f;
  logits(1, 2) = 0.3f;
  EXPECT_NEAR(sharpness(logits.view()), 10, 1e-4);  // 2 over the mean distance of 0.2
  logits(0, 0) = 5;
  EXPECT_EQ(sharpness(logits.view()), 1);
}

}  // namespace
}  // namespace dvi
