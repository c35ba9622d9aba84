#include "vis/feature_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace dvi {
namespace {

Matrix random_points(int64_t n, double low, double high) {
  Random random(2);
  Matrix points(n, 2);
  for (int64_t i = 0; i < 2 * n; ++i)
    points.data()[i] = static_cast<float>(low + (high - low) * random.uniform());
  return points;
}

FeatureGrid random_grid() {
  FeatureGrid grid({3, 8}, {-2, 1, 10});
  Random random(5);
  for (auto& p : grid.parameters()) p = static_cast<float>(random.normal());
  return grid;
}

/// The slow obvious version, of one number.
double interpolated(FeatureGrid& grid, size_t level, int channel, double x, double y) {
  const int size = grid.sizes()[level];
  const auto node = [&](int row, int column) {
    return grid.level(
        level)[static_cast<size_t>((row * (size + 1) + column) * FeatureGrid::channels + channel)];
  };
  const double u = std::clamp((x - grid.box().x0) / grid.box().side, 0.0, 1.0) * size,
               v = std::clamp((y - grid.box().y0) / grid.box().side, 0.0, 1.0) * size;
  const int column = std::min(static_cast<int>(u), size - 1), row = std::min(static_cast<int>(v), size - 1);
  const double s = u - column, t = v - row;
  return (1 - t) * ((1 - s) * node(row, column) + s * node(row, column + 1)) +
         t * ((1 - s) * node(row + 1, column) + s * node(row + 1, column + 1));
}

TEST(FeatureGrid, InterpolatesBetweenNodesAndHoldsOutsideItsBox) {
  FeatureGrid grid = random_grid();
  const Matrix points = random_points(200, -4, 13);
  Matrix encoding(200, grid.width());
  grid.encode(points, encoding.mut());
  for (int64_t i = 0; i < 200; ++i)
    for (size_t level = 0; level < 2; ++level)
      for (int c = 0; c < FeatureGrid::channels; ++c)
        EXPECT_NEAR(encoding(i, static_cast<int64_t>(level) * FeatureGrid::channels + c),
                    interpolated(grid, level, c, points(i, 0), points(i, 1)), 1e-4);
}

TEST(FeatureGrid, ItsGradientIsThatOfFiniteDifferences) {
  FeatureGrid grid = random_grid();
  const Matrix points = random_points(40, -2, 11);
  Matrix weights(40, grid.width());
  Random random(9);
  for (int64_t i = 0; i < 40 * grid.width(); ++i) weights.data()[i] = static_cast<float>(random.normal());
  const auto loss = [&] {
    Matrix encoding(40, grid.width());
    grid.encode(points, encoding.mut());
    double sum = 0;
    for (int64_t i = 0; i < 40 * grid.width(); ++i) sum += encoding.data()[i] * weights.data()[i];
    return sum;
  };
  std::vector<float> gradient(grid.parameters().size(), 0.f);
  grid.backward(points, weights, gradient);
  for (size_t p = 0; p < gradient.size(); p += 7) {
    const float before = grid.parameters()[p];
    grid.parameters()[p] = before + 0.5f;
    const double more = loss();
    grid.parameters()[p] = before - 0.5f;
    const double less = loss();
    grid.parameters()[p] = before;
    EXPECT_NEAR(gradient[p], more - less, 1e-3);
  }
}

}  // namespace
}  // namespace dvi
