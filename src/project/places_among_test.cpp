#include "project/places_among.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

Matrix points(std::initializer_list<std::array<float, 2>> list) {
  Matrix out(static_cast<int64_t>(list.size()), 2);
  int64_t row = 0;
  for (const auto& p : list) std::copy(p.begin(), p.end(), out.row(row++));
  return out;
}

Neighbors one(std::vector<int32_t> index, std::vector<float> distance) {
  return {static_cast<int>(index.size()), std::move(index), std::move(distance)};
}

TEST(PlacesAmong, LiesInTheGroupThatMostNeighboursLieIn) {
  const Matrix at = points({{0, 0}, {0.2f, 0}, {0, 0.2f}, {0.1f, 0.1f}, {10, 10}, {10.1f, 10}});
  const int32_t own[] = {0}, classes[] = {0, 0, 0, 0, 0, 0};
  const Matrix place = places_among(one({4, 0, 1, 2, 3, 5}, {1, 1, 1, 1, 1, 1}), own, at, classes);
  EXPECT_NEAR(place(0, 0), 0.075, 0.05);
  EXPECT_NEAR(place(0, 1), 0.075, 0.05);
}

TEST(PlacesAmong, NearerNeighboursCountMore) {
  const Matrix at = points({{0, 0}, {10, 0}, {10.1f, 0}});
  const int32_t own[] = {0}, classes[] = {0, 0, 0};
  EXPECT_NEAR(places_among(one({0, 1, 2}, {1, 8, 9}), own, at, classes)(0, 0), 0, 0.1);
  EXPECT_NEAR(places_among(one({1, 2, 0}, {8, 8, 9}), own, at, classes)(0, 0), 10.05, 0.1);
}

TEST(PlacesAmong, LiesAmongItsOwnClass) {
  const Matrix at = points({{0, 0}, {10, 0}, {10.1f, 0}, {10, 0.1f}});
  const int32_t classes[] = {1, 0, 0, 0}, of_one[] = {1}, of_other[] = {0};
  const Neighbors nearest = one({1, 2, 3, 0}, {1, 1, 1, 1});
  EXPECT_NEAR(places_among(nearest, of_one, at, classes)(0, 0), 0, 0.1);
  EXPECT_NEAR(places_among(nearest, of_other, at, classes)(0, 0), 10, 0.1);
}

TEST(PlacesAmong, OneNeighbourIsThePlace) {
  const Matrix at = points({{3, 4}});
  const int32_t zero[] = {0};
  const Matrix place = places_among(one({0}, {0}), zero, at, zero);
  EXPECT_EQ(place(0, 0), 3);
  EXPECT_EQ(place(0, 1), 4);
}

}  // namespace
}  // namespace dvi
