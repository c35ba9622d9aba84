#include "vis/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "core/random.h"
#include "graph/plane_neighbors.h"
#include "vis/point_order.h"

namespace dvi {
namespace {

/// Clusters in ten dimensions.
Matrix clusters(int64_t n, uint64_t seed) {
  Random centre_random(1), random(seed);
  Matrix centres(5, 10), x(n, 10);
  for (int64_t i = 0; i < 50; ++i) centres.data()[i] = static_cast<float>(4 * centre_random.normal());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t l = 0; l < 10; ++l)
      x(i, l) = centres(i % 5, l) + static_cast<float>(random.normal() * (l < 3 ? 1 : 0.1));
  return x;
}

struct Case {
  Matrix features = clusters(600, 2);
  Neighbors near = exact_neighbors(features, features, 15, true);
  EdgeList edges = fuzzy_union(near, membership_strengths(near), 600);
  Matrix start = Matrix(600, 2);
  static constexpr LayoutPhase phases[] = {{60, 12, 0.5}, {120, 1, 0.8}};

  Case() {
    Random random(5);
    for (int64_t i = 0; i < 1200; ++i) start.data()[i] = static_cast<float>(0.01 * random.normal());
  }
  Matrix run(std::span<const float> anchor = {}) const {
    const LayoutProblem problem{&edges, nullptr, start, anchor};
    Matrix positions = start;
    run_layout(problem, phases, positions.mut());
    return positions;
  }
};

TEST(Layout, KeepsNeighbours) {
  const Case c;
  const Matrix positions = c.run();
  std::vector<int32_t> self(600);
  std::iota(self.begin(), self.end(), 0);
  const Neighbors plane = PlaneIndex(positions).nearest(positions, 15, self);
  int64_t kept = 0;
  for (int64_t i = 0; i < plane.size(); ++i)
    for (const int32_t j : plane.row(i)) kept += std::ranges::count(c.near.row(i), j);
  EXPECT_GT(static_cast<double>(kept) / 600, 8);  // chance 0.4
}

TEST(Layout, DoesNotDependOnTheOrderOfPoints) {
  const Case c;
  Random random(7);
  std::vector<float> strength;
  for (int i = 0; i < 600; ++i) strength.push_back(i % 3 == 0 ? 0 : static_cast<float>(random.uniform()));
  const Matrix expected = c.run(strength);
  const PointOrder order(c.edges, EdgeShare::of(600, 50), 600);
  const EdgeList edges = order.ordered(c.edges);
  EXPECT_NE(edges.target, c.edges.target);
  const Matrix anchors = order.ordered(c.start);
  const std::vector<float> ordered_strength = order.ordered(strength);
  const LayoutProblem problem{&edges, nullptr, anchors, ordered_strength};
  Matrix positions = order.ordered(c.start);
  run_layout(problem, Case::phases, positions.mut());
  const Matrix restored = order.restored(positions);
  EXPECT_TRUE(std::ranges::equal(restored.view().span(), expected.view().span()));
}

// Points of a group follow one another, whatever their numbers.
TEST(PointOrder, PutsNeighboursNearEachOther) {
  const Case c;
  const auto farness = [](const EdgeList& edges) {
    double sum = 0;
    for (int64_t row = 0; row < edges.rows(); ++row)
      for (auto e = static_cast<size_t>(edges.begin[static_cast<size_t>(row)]);
           e < static_cast<size_t>(edges.begin[static_cast<size_t>(row) + 1]); ++e)
        sum += std::abs(static_cast<double>(edges.target[e]) - static_cast<double>(row));
    return sum / static_cast<double>(edges.size());
  };
  EXPECT_LT(farness(PointOrder(c.edges, EdgeShare::of(600, 0), 600).ordered(c.edges)), farness(c.edges) / 2);
}

TEST(Layout, IsTheSameEveryTime) {
  const Case c;
  const Matrix a = c.run(), b = c.run();
  for (int64_t i = 0; i < 1200; ++i) ASSERT_EQ(a.data()[i], b.data()[i]);
}

TEST(Layout, AFrameHoldsPointsInASquare) {
  const Case c;
  LayoutFrame frame;
  const LayoutProblem problem{&c.edges, &frame, {}, {}};
  const LayoutPhase phases[] = {{50, 12, 0.5}, {60, 1, 0.8}, {150, 1, 0.8, true}};
  Matrix y = c.start;
  run_layout(problem, phases, y.mut());
  ASSERT_GT(frame.side, 0);
  const LayoutFrame box = frame_around(y, 1);
  EXPECT_GT(box.side, 0.5 * frame.side);
  EXPECT_LT(box.side, 1.05 * frame.side);
  for (int64_t i = 0; i < y.rows(); ++i)
    for (int axis = 0; axis < 2; ++axis) {
      const float low = axis == 0 ? frame.x0 : frame.y0;
      EXPECT_GT(y(i, axis), low - 0.1f * frame.side);
      EXPECT_LT(y(i, axis), low + 1.1f * frame.side);
    }
}

TEST(Layout, StronglyAnchoredPointsStay) {
  const Case c;
  std::vector<float> anchor(600, 0.f);
  for (size_t i = 0; i < 50; ++i) anchor[i] = 100;
  const Matrix positions = c.run(anchor);
  double held = 0, free = 0;
  for (int64_t i = 0; i < 600; ++i)
    (i < 50 ? held : free) +=
        std::hypot(positions(i, 0) - c.start(i, 0), positions(i, 1) - c.start(i, 1)) / (i < 50 ? 50 : 550);
  EXPECT_LT(held, 0.05 * free);
}

}  // namespace
}  // namespace dvi
