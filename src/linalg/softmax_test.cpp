#include "linalg/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

namespace dvi {
namespace {

TEST(Softmax, IsThatOfDoubles) {
  Random random(5);
  for (const size_t n : {1, 2, 10, 16, 17, 100, 1024}) {
    std::vector<float> logits(n);
    for (auto& v : logits) v = static_cast<float>(12 * random.normal());
    double most = -INFINITY, sum = 0;
    for (const float v : logits) most = std::max(most, double{v});
    for (const float v : logits) sum += std::exp(v - most);
    std::vector<float> shares = logits;
    EXPECT_NEAR(softmax(shares), most + std::log(sum), 1e-5);
    for (size_t i = 0; i < n; ++i) {
      const double expected = std::exp(logits[i] - most) / sum;
      EXPECT_NEAR(shares[i], expected, (3e-7 + 1.5e-7 * (most - logits[i])) * expected)
          << n << " " << logits[i];
    }
  }
}

TEST(Softmax, StaysFiniteWhereLogitsAreFarApart) {
  std::vector<float> shares = {-1e30f, 3e38f, 0.f};
  softmax(shares);
  EXPECT_EQ(shares[1], 1.f);
  EXPECT_LT(shares[0] + shares[2], 1e-37);
}

}  // namespace
}  // namespace dvi
