#include "vis/margin_error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

namespace dvi {
namespace {

TEST(MarginError, ItsGradientIsThatOfFiniteDifferences) {
  Random random(3);
  for (const size_t classes : {2u, 3u, 10u})
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<float> logits(classes), gradient(classes, 0.f), unused(classes, 0.f);
      for (auto& z : logits) z = static_cast<float>(2 * random.normal());
      const Verdict verdict{static_cast<int32_t>(random.below(classes)), 0, 0,
                            static_cast<float>(random.uniform())};
      margin_error(verdict, logits, 0.5f, gradient);
      for (size_t c = 0; c < classes; ++c) {
        constexpr float step = 1e-3f;
        auto more = logits, less = logits;
        more[c] += step;
        less[c] -= step;
        const double slope =
            0.5 * (margin_error(verdict, more, 0, unused) - margin_error(verdict, less, 0, unused)) /
            (2 * step);
        EXPECT_NEAR(gradient[c], slope, 0.01 + 0.02 * std::abs(slope));
      }
    }
}

TEST(MarginError, IsNothingWhereTheMarginIsTheSamples) {
  const std::vector<float> logits = {3, -1, 2, 0.5f};
  std::vector<float> gradient(4, 0.f);
  EXPECT_NEAR(margin_error(judge(logits), logits, 1, gradient), 0, 1e-12);
  for (const float g : gradient) EXPECT_NEAR(g, 0, 1e-6);
}

TEST(MarginError, EqualLogitsGiveNoInfinities) {
  const std::vector<float> logits(5, 1.f);
  std::vector<float> gradient(5, 0.f);
  EXPECT_NEAR(margin_error({2, 0, 0, 0.5f}, logits, 1, gradient), 0.25, 1e-6);
  for (const float g : gradient) EXPECT_TRUE(std::isfinite(g));
}

}  // namespace
}  // namespace dvi
