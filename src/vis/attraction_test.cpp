#include "vis/attraction.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/random.h"

namespace dvi {
namespace {

TEST(Attraction, IsTheSumOverAllEdges) {
  Random random(3);
  std::vector<float> positions;
  for (int i = 0; i < 200; ++i) positions.push_back(static_cast<float>(10 * random.normal()));
  for (int64_t n = 0; n < 40; ++n) {
    std::vector<int32_t> target;
    std::vector<float> weight;
    double expected[2] = {};
    const double x = 3, y = -2;
    for (int64_t e = 0; e < n; ++e) {
      target.push_back(static_cast<int32_t>(random.below(100)));
      weight.push_back(static_cast<float>(random.uniform()));
      const auto at = 2 * static_cast<size_t>(target.back());
      const double dx = x - positions[at], dy = y - positions[at + 1];
      const double pull = weight.back() / (1 + dx * dx + dy * dy);
      expected[0] += pull * dx;
      expected[1] += pull * dy;
    }
    for (const auto& of : {attraction, attraction_portable}) {
      float force[2] = {-1, -1};
      of(target.data(), weight.data(), n, static_cast<float>(x), static_cast<float>(y), positions.data(),
         force);
      for (int c = 0; c < 2; ++c) EXPECT_NEAR(force[c], expected[c], 1e-5) << n << " edges";
    }
  }
}

}  // namespace
}  // namespace dvi
