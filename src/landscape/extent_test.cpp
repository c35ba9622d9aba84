#include "landscape/extent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace dvi {
namespace {

Matrix points(std::initializer_list<std::array<float, 2>> values) {
  Matrix out(static_cast<int64_t>(values.size()), 2);
  int64_t i = 0;
  for (const auto& v : values) {
    out(i, 0) = v[0];
    out(i++, 1) = v[1];
  }
  return out;
}

TEST(Extent, IsASquareWithSomeRoomOnEveryEnd) {
  const Extent bounds = bounds_of(points({{0, 1}, {10, 3}, {4, 2}}));
  EXPECT_EQ(bounds, (Extent{0, 1, 10, 3}));
  EXPECT_EQ(square_around(bounds, 0.1f), (Extent{-1, -4, 11, 8}));
  EXPECT_TRUE(square_around(bounds, 0.1f).contains(square_around(bounds)));
}

TEST(Extent, FrameLeavesOutTheOutermostHundredths) {
  Matrix positions(12000, 2);
  for (int64_t i = 0; i < positions.rows(); ++i) {
    positions(i, 0) = static_cast<float>(i % 1000);
    positions(i, 1) = i % 200 == 7 ? -1e6f : 1.f;
  }
  const Extent frame = frame_of(positions);
  EXPECT_NEAR(frame.x0, 10, 3);
  EXPECT_NEAR(frame.x1, 990, 3);
  EXPECT_EQ(frame.y0, 1);
  EXPECT_EQ(frame.y1, 1);
  EXPECT_EQ(frame_of(points({{2, 3}})), (Extent{2, 3, 2, 3}));
  EXPECT_THROW(frame_of(points({})), Error);
}

TEST(Extent, OfOnePointHasRoom) {
  EXPECT_EQ(square_around(bounds_of(points({{2, 3}}))), (Extent{1.5, 2.5, 2.5, 3.5}));
}

TEST(Extent, GrowsOnlyWhenASampleIsOutside) {
  const Extent current{0, 0, 10, 10};
  EXPECT_EQ(grown(current, {0, 0, 10, 5}, {0, 0, 10, 5}), current);
  const Extent larger = grown(current, {1, 1, 12, 2}, {0, 0, 12, 9});
  EXPECT_TRUE(larger.contains({0, 0, 12, 9}));
  EXPECT_FLOAT_EQ(larger.width(), larger.height());
  EXPECT_FLOAT_EQ(larger.width(), 12 * 1.06f);
}

TEST(Extent, IsFourNumbersInJson) {
  const Extent extent{-1, -2, 3, 2};
  EXPECT_EQ(to_json(extent).dump(), "[-1.0,-2.0,3.0,2.0]");
  EXPECT_EQ(extent_from_json(to_json(extent)), extent);
  EXPECT_THROW(extent_from_json(Json::parse("[1, 2, 3]")), Error);
}

TEST(Extent, RefusesNoAndNonFinitePositions) {
  EXPECT_THROW(bounds_of(Matrix(0, 2)), Error);
  EXPECT_THROW(bounds_of(points({{0, 1}, {INFINITY, 3}})), Error);
}

}  // namespace
}  // namespace dvi
