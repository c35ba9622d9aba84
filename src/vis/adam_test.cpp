#include "vis/adam.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"

namespace dvi {
namespace {

TEST(Adam, FollowsTheAlgorithmInDoublePrecision) {
  const size_t n = 40000;  // several pieces
  Random random(1);
  std::vector<float> parameters(n), first(n), second(n);
  for (auto& p : parameters) p = static_cast<float>(random.normal());
  std::vector<double> slow(parameters.begin(), parameters.end()), mean(n), square(n);
  Adam adam(n);
  for (int t = 1; t <= 5; ++t) {
    for (size_t i = 0; i < n; ++i) {
      first[i] = static_cast<float>(random.normal());
      second[i] = static_cast<float>(random.normal());
      const double g = static_cast<double>(first[i]) + second[i];
      mean[i] = 0.9 * mean[i] + 0.1 * g;
      square[i] = 0.999 * square[i] + 0.001 * g * g;
      slow[i] -= 0.01 * (mean[i] / (1 - std::pow(0.9, t))) /
                 (std::sqrt(square[i] / (1 - std::pow(0.999, t))) + 1e-8);
    }
    std::vector<std::vector<float>> gradients{first, second};
    adam.step(parameters, gradients, 0.01f);
    for (const auto& worker : gradients)
      for (const float g : worker) ASSERT_EQ(g, 0);
  }
  for (size_t i = 0; i < n; ++i) ASSERT_NEAR(parameters[i], slow[i], 2e-5) << i;
}

TEST(Adam, NeedsGradientsOfTheRightNumberOfParameters) {
  Adam adam(3);
  std::vector<float> parameters(4);
  std::vector<std::vector<float>> gradients{std::vector<float>(4)};
  EXPECT_THROW(adam.step(parameters, gradients, 0.1f), Error);
}

}  // namespace
}  // namespace dvi
