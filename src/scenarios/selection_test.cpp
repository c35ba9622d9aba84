#include "scenarios/selection.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/random.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Selection, TakesTheHighestScoresThatAreNotLabelled) {
  const std::vector<float> score{.1f, .9f, .5f, .9f, .7f, 1.f};
  const std::vector<int32_t> pool{0, 1, 2, 3, 4}, labelled{4};  // 5 is no part of the pool
  EXPECT_THAT(highest(score, pool, labelled, 3), ElementsAre(1, 3, 2));
  EXPECT_THAT(highest(score, pool, labelled, 10), ElementsAre(1, 3, 2, 0));
}

TEST(Selection, KCentersGoToTheFarthestCorners) {
  Matrix corners(6, 2);  // a unit square, its centre, and a point near the first corner
  const float xy[6][2] = {{0, 0}, {1, 0}, {0, 1}, {3, 3}, {.5, .5}, {.1f, .1f}};
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 2; ++j) corners(i, j) = xy[i][j];
  const std::vector<int32_t> pool{0, 1, 2, 3, 4, 5}, labelled{0};
  const auto distance = distance_to_labelled(corners, labelled);
  EXPECT_FLOAT_EQ(distance[0], 0);
  EXPECT_FLOAT_EQ(distance[3], std::sqrt(18.f));
  EXPECT_THAT(k_centers(corners, distance, pool, 4), ElementsAre(3, 1, 2, 4));
}

/// The obvious way: after every choice, look at all distances again.
TEST(Selection, KCentersMatchTheSlowWay) {
  Random random(3);
  Matrix points(80, 5);
  for (int64_t i = 0; i < 400; ++i) points.data()[i] = static_cast<float>(random.normal());
  std::vector<int32_t> pool;
  for (int32_t i = 0; i < 60; ++i) pool.push_back(i);
  std::vector<int32_t> labelled{3, 70};
  const auto fast = k_centers(points, distance_to_labelled(points, labelled), pool, 20);
  std::vector<int32_t> slow;
  for (int n = 0; n < 20; ++n) {
    int32_t best = -1;
    double best_distance = -1;
    for (const int32_t id : pool) {
      double nearest = 1e30;
      for (const int32_t other : labelled) {
        double sum = 0;
        for (int64_t j = 0; j < 5; ++j) sum += std::pow(points(id, j) - points(other, j), 2);
        nearest = std::min(nearest, sum);
      }
      if (nearest > best_distance) {
        best = id;
        best_distance = nearest;
      }
    }
    slow.push_back(best);
    labelled.push_back(best);
  }
  EXPECT_EQ(fast, slow);
}

TEST(Selection, CopiesOfLabelledSamplesAreNotChosen) {
  const Matrix same(4, 3);
  const std::vector<int32_t> pool{0, 1, 2, 3}, labelled{0};
  EXPECT_TRUE(k_centers(same, distance_to_labelled(same, labelled), pool, 2).empty());
}

TEST(Selection, AnUnknownStrategyIsNamed) {
  EXPECT_THAT(error_of([] { strategy_of("oracle"); }), HasSubstr("found \"oracle\""));
}

}  // namespace
}  // namespace dvi
