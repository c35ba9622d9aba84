#include "project/places_among.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

/// The points, then a thousand others between 0 and 10 that are nobody's neighbours: neighbours stand 0.3
/// apart.
Matrix points(std::initializer_list<std::array<float, 2>> list) {
  constexpr int64_t others = 1000;
  Matrix out(static_cast<int64_t>(list.size()) + others, 2);
  int64_t row = 0;
  for (const auto& p : list) std::copy(p.begin(), p.end(), out.row(row++));
  for (int64_t i = 0; i < others; ++i, ++row) {
    out(row, 0) = 10 * static_cast<float>(i % 32) / 31;
    out(row, 1) = 10 * static_cast<float>(i / 32) / 31;
  }
  return out;
}

Neighbors one(std::vector<int32_t> index, std::vector<float> distance) {
  return {static_cast<int>(index.size()), std::move(index), std::move(distance)};
}

std::vector<Opinion> of_classes(std::initializer_list<int32_t> classes) {
  std::vector<Opinion> out;
  for (const int32_t c : classes) out.push_back({c, 0.5f});
  return out;
}

Matrix places(const Neighbors& nearest, const std::vector<Opinion>& own, const Matrix& at,
              const std::vector<Opinion>& opinions, const Holds& holds = {}) {
  return PlacesAmong(nearest, own, at, opinions).find(holds);
}

TEST(PlacesAmong, LiesInTheGroupThatMostNeighboursLieIn) {
  const Matrix at = points({{0, 0}, {0.2f, 0}, {0, 0.2f}, {0.1f, 0.1f}, {10, 10}, {10.1f, 10}});
  const auto own = of_classes({0}), classes = of_classes({0, 0, 0, 0, 0, 0});
  const Matrix place = places(one({4, 0, 1, 2, 3, 5}, {1, 1, 1, 1, 1, 1}), own, at, classes);
  EXPECT_NEAR(place(0, 0), 0.075, 0.05);
  EXPECT_NEAR(place(0, 1), 0.075, 0.05);
}

TEST(PlacesAmong, NearerNeighboursCountMore) {
  const Matrix at = points({{0, 0}, {10, 0}, {10.1f, 0}});
  const auto own = of_classes({0}), classes = of_classes({0, 0, 0});
  EXPECT_NEAR(places(one({0, 1, 2}, {1, 8, 9}), own, at, classes)(0, 0), 0, 0.1);
  EXPECT_NEAR(places(one({1, 2, 0}, {8, 8, 9}), own, at, classes)(0, 0), 10.05, 0.1);
}

TEST(PlacesAmong, LiesAmongItsOwnClass) {
  const Matrix at = points({{0, 0}, {10, 0}, {10.1f, 0}, {10, 0.1f}});
  const auto classes = of_classes({1, 0, 0, 0}), of_one = of_classes({1}), of_other = of_classes({0});
  const Neighbors nearest = one({1, 2, 3, 0}, {1, 1, 1, 1});
  EXPECT_NEAR(places(nearest, of_one, at, classes)(0, 0), 0, 0.1);
  EXPECT_NEAR(places(nearest, of_other, at, classes)(0, 0), 10, 0.1);
}

TEST(PlacesAmong, OneNeighbourIsThePlace) {
  const Matrix at = points({{3, 4}});
  const auto zero = of_classes({0});
  const Matrix place = places(one({0}, {0}), zero, at, zero);
  EXPECT_EQ(place(0, 0), 3);
  EXPECT_EQ(place(0, 1), 4);
}

TEST(PlacesAmong, LiesAmongNeighborsWithItsMargin) {
  const Matrix at = points({{0, 0}, {10, 0}, {10.1f, 0}, {10, 0.1f}});
  const std::vector<Opinion> opinions = {{0, 0.1f}, {0, 0.9f}, {0, 0.8f}, {0, 0.9f}};
  const Neighbors nearest = one({1, 2, 3, 0}, {1, 1, 1, 1});
  EXPECT_NEAR(places(nearest, {{0, 0.15f}}, at, opinions)(0, 0), 0, 0.1);
  EXPECT_NEAR(places(nearest, {{0, 0.85f}}, at, opinions)(0, 0), 10, 0.1);
}

TEST(PlacesAmong, NeighborsOfQuiteOtherMarginsCountAllTheSame) {
  const Matrix at = points({{3, 4}, {3, 4}});
  std::vector<Opinion> opinions(2, {0, 1.f});
  const Matrix place = places(one({0, 1}, {0, 1}), {{0, -1e3f}}, at, opinions);
  EXPECT_EQ(place(0, 0), 3);
  EXPECT_EQ(place(0, 1), 4);
}

TEST(PlacesAmong, ASpringChoosesBetweenGroupsAndDrawsTowardsItsAnchor) {
  const Matrix at = points({{0, 0}, {0.1f, 0}, {3, 0}, {3.1f, 0}}), anchor = points({{4, 0}});
  const auto classes = of_classes({0, 0, 0, 0});
  const Neighbors nearest = one({0, 1, 2, 3}, {1, 1.01f, 1.02f, 1.03f});
  const auto held = [&](float strength) {
    const std::vector<float> strengths = {strength};
    return places(nearest, of_classes({0}), at, classes, {anchor, strengths})(0, 0);
  };
  EXPECT_NEAR(held(0), 0.05, 0.1);
  EXPECT_NEAR(held(0.02f), 3.05, 0.15);
  EXPECT_GT(held(0.2f), held(0.02f));
  EXPECT_NEAR(held(100), 4, 0.01);
}

}  // namespace
}  // namespace dvi
