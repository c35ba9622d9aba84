#include "vis/layout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/parallel.h"
#include "core/random.h"
#include "graph/plane_neighbors.h"

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
  Matrix features = clusters(600, 2), held_out = clusters(100, 3);
  Neighbors near = exact_neighbors(features, features, 15, true),
            held_out_near = exact_neighbors(held_out, features, 15, false);
  EdgeList edges = fuzzy_union(near, membership_strengths(near), 600);
  EdgeList passive;
  Matrix start = Matrix(700, 2);

  Case() {
    const auto strengths = membership_strengths(held_out_near);
    for (int64_t i = 0; i <= 100; ++i) passive.begin.push_back(i * 15);
    passive.target = held_out_near.index;
    passive.weight = strengths;
    Random random(5);
    for (int64_t i = 0; i < 1400; ++i) start.data()[i] = static_cast<float>(0.01 * random.normal());
  }
  Matrix run(bool with_passive = true, std::span<const float> anchor = {}) const {
    LayoutProblem problem;
    problem.active = 600;
    problem.edges = &edges;
    if (with_passive) {
      problem.passive = 100;
      problem.passive_edges = &passive;
    }
    problem.anchors = start;
    problem.anchor_strength = anchor;
    const LayoutPhase phases[] = {{60, 12, 0.5}, {120, 1, 0.8}};
    Matrix positions = start;
    run_layout(problem, phases, positions.mut().slice(0, with_passive ? 700 : 600));
    return positions;
  }
};

TEST(Layout, KeepsNeighboursOfActiveAndOfHeldOutPoints) {
  const Case c;
  const Matrix positions = c.run();
  const auto kept = [&](const Neighbors& features, const Neighbors& plane) {
    double sum = 0;
    for (size_t i = 0; i < features.index.size(); ++i) {
      const auto row = plane.row(static_cast<int64_t>(i / 15));
      sum += std::find(row.begin(), row.end(), features.index[i]) != row.end();
    }
    return sum / static_cast<double>(features.size());
  };
  const PlaneIndex index(positions.view().slice(0, 600));
  std::vector<int32_t> self(600);
  for (int32_t i = 0; i < 600; ++i) self[static_cast<size_t>(i)] = i;
  EXPECT_GT(kept(c.near, index.nearest(positions.view().slice(0, 600), 15, self)), 8);  // chance 0.4
  EXPECT_GT(kept(c.held_out_near, index.nearest(positions.view().slice(600, 100), 15)), 7);
}

TEST(Layout, IsTheSameEveryTime) {
  const Case c;
  const Matrix a = c.run(), b = c.run();
  for (int64_t i = 0; i < 1400; ++i) ASSERT_EQ(a.data()[i], b.data()[i]);
}

TEST(Layout, AFrameHoldsPointsInASquare) {
  const Case c;
  LayoutFrame frame;
  const LayoutProblem problem{600, 100, &c.edges, &c.passive, &frame, {}, {}};
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

TEST(Layout, PassivePointsDoNotMoveActiveOnes) {
  // Only the grid under the repulsion may differ, so a few iterations agree closely (long runs diverge as all
  // such systems do).
  const Case c;
  LayoutProblem with{600, 100, &c.edges, &c.passive, nullptr, {}, {}},
      without{600, 0, &c.edges, nullptr, nullptr, {}, {}};
  const LayoutPhase phases[] = {{10, 12, 0.5}};
  Matrix a = c.start;
  Matrix b = a;
  run_layout(with, phases, a.mut());
  run_layout(without, phases, b.mut().slice(0, 600));
  double difference = 0, size = 0;
  for (int64_t i = 0; i < 1200; ++i) {
    difference += std::abs(a.data()[i] - b.data()[i]);
    size += std::abs(a.data()[i]);
  }
  EXPECT_LT(difference / size, 0.01);
}

TEST(Layout, StronglyAnchoredPointsStay) {
  const Case c;
  std::vector<float> anchor(700, 0.f);
  for (size_t i = 0; i < 50; ++i) anchor[i] = 100;
  const Matrix positions = c.run(true, anchor);
  double held = 0, free = 0;
  for (int64_t i = 0; i < 600; ++i)
    (i < 50 ? held : free) +=
        std::hypot(positions(i, 0) - c.start(i, 0), positions(i, 1) - c.start(i, 1)) / (i < 50 ? 50 : 550);
  EXPECT_LT(held, 0.05 * free);
}

}  // namespace
}  // namespace dvi
