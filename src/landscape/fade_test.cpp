#include "landscape/fade.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace dvi {
namespace {

constexpr Extent unit{0, 0, 1, 1};

TEST(Fade, DistancesAreThoseOfASearchThroughAllSamples) {
  constexpr int size = 37;
  Random random(5);
  std::vector<float> positions;
  for (int i = 0; i < 2 * 25; ++i) positions.push_back(static_cast<float>(random.uniform()));
  const auto found = sample_distances(positions, unit, size);
  const auto cell = [](float share) { return std::min(static_cast<int>(share * size), size - 1); };
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      float nearest = 1e9f;
      for (size_t i = 0; i < positions.size(); i += 2) {
        const auto dx = static_cast<float>(x - cell(positions[i]));
        const auto dy = static_cast<float>(y - cell(positions[i + 1]));
        nearest = std::min(nearest, std::hypot(dx, dy));
      }
      EXPECT_NEAR(found[static_cast<size_t>(y * size + x)], nearest, 1e-4f) << x << " " << y;
    }
}

TEST(Fade, GroundKeepsItsColourAtSamplesAndLosesItAShortWayBeyond) {
  constexpr int size = 256;
  std::vector<float> positions;  // 4,000 in the lower left corner, and one outside the extent
  Random random(1);
  for (int i = 0; i < 2 * 3999; ++i) positions.push_back(0.3f * static_cast<float>(random.uniform()));
  positions.insert(positions.end(), {1.5f, 1.5f});
  const auto fade = ground_fade(positions, unit, size);
  const auto at = [&](float x, float y) {
    return fade[static_cast<size_t>(y * size) * size + static_cast<size_t>(x * size)];
  };
  EXPECT_EQ(at(0.15f, 0.15f), 255);
  EXPECT_EQ(at(0.4f, 0.15f), 0);
  EXPECT_EQ(at(0.99f, 0.99f), 255);
  EXPECT_GT(at(0.33f, 0.15f), 0);
  EXPECT_LT(at(0.33f, 0.15f), 255);
}

TEST(Fade, FewSamplesHaveMoreGround) {
  EXPECT_FLOAT_EQ(fade_reach(70000).full, 0.015f);
  EXPECT_FLOAT_EQ(fade_reach(100).full, 0.075f);
  EXPECT_FLOAT_EQ(fade_reach(1).full, 0.25f);
  EXPECT_EQ(ground_fade({}, unit, 32), std::vector<uint8_t>(32 * 32, 0));
}

}  // namespace
}  // namespace dvi
