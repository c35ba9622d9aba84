#include "vis/landmarks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "core/random.h"

namespace dvi {
namespace {

/// Three clouds, one as far away as a picture is wide.
Matrix clouds(int64_t n) {
  Random random(7);
  Matrix out(n, 2);
  for (int64_t i = 0; i < n; ++i)
    for (int c = 0; c < 2; ++c)
      out(i, c) = static_cast<float>((i % 3 == 0 ? 30 : 3 * static_cast<double>(i % 3)) + random.normal());
  return out;
}

double square_distance(MatrixView a, int64_t i, MatrixView b, int64_t j) {
  return std::pow(a(i, 0) - b(j, 0), 2) + std::pow(a(i, 1) - b(j, 1), 2);
}

/// Mean square distance to the nearest landmark.
double spread(MatrixView points, MatrixView landmarks) {
  double sum = 0;
  for (int64_t i = 0; i < points.rows; ++i) {
    double least = INFINITY;
    for (int64_t k = 0; k < landmarks.rows; ++k)
      least = std::min(least, square_distance(points, i, landmarks, k));
    sum += least;
  }
  return sum / static_cast<double>(points.rows);
}

TEST(Landmarks, LieCloserToThePointsThanPointsDrawnDo) {
  const Matrix points = clouds(3000);
  std::vector<int32_t> drawn;
  for (int32_t i = 0; i < 60; ++i) drawn.push_back(50 * i + i % 3);
  const Matrix landmarks = find_landmarks(points, 60, nullptr, 1);
  ASSERT_EQ(landmarks.rows(), 60);
  EXPECT_LT(spread(points, landmarks), 0.8 * spread(points, gather_rows(points, drawn)));
}

TEST(Landmarks, FollowThePointsAndStayThemselves) {
  const Matrix points = clouds(3000);
  const Matrix before = find_landmarks(points, 60, nullptr, 1);
  Matrix moved = points;
  for (int64_t i = 0; i < moved.rows(); ++i) moved(i, 0) += 0.1f;
  const Matrix after = find_landmarks(moved, 60, &before, 2);
  double farthest = 0;
  for (int64_t k = 0; k < 60; ++k) farthest = std::max(farthest, square_distance(before, k, after, k));
  EXPECT_LT(farthest, 1);
  EXPECT_LT(spread(moved, after), spread(moved, before));
}

TEST(Landmarks, AreNoMoreThanThePoints) {
  EXPECT_EQ(find_landmarks(clouds(5), 60, nullptr, 1).rows(), 5);
  const Matrix same(40, 2);  // all at one place
  const Matrix landmarks = find_landmarks(same, 8, nullptr, 1);
  const LandmarkShares shares = landmark_shares(same, landmarks);
  for (size_t i = 0; i < 40; ++i)
    EXPECT_FLOAT_EQ(shares.shares[i * static_cast<size_t>(shares.per_point)], 0.25f);
}

TEST(Landmarks, SharesAreThoseOfTheNearest) {
  const Matrix points = clouds(300), landmarks = find_landmarks(points, 20, nullptr, 1);
  const LandmarkShares shares = landmark_shares(points, landmarks);
  ASSERT_EQ(shares.per_point, 4);
  const double width = 2 * spread(points, landmarks);
  for (int64_t i = 0; i < points.rows(); ++i) {
    std::vector<int32_t> order(20);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](int32_t k) { return square_distance(points, i, landmarks, k); });
    double sum = 0;
    for (int r = 0; r < 4; ++r)
      sum += std::exp(-square_distance(points, i, landmarks, order[static_cast<size_t>(r)]) / width);
    for (size_t r = 0; r < 4; ++r) {
      const auto at = static_cast<size_t>(4 * i) + r;
      EXPECT_EQ(shares.landmarks[at], order[r]);
      EXPECT_NEAR(shares.shares[at], std::exp(-square_distance(points, i, landmarks, order[r]) / width) / sum,
                  1e-4);
    }
  }
}

}  // namespace
}  // namespace dvi
