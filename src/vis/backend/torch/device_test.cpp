// What is computed through LibTorch is what this project's own kernels compute.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/device.h"
#include "graph/backend/torch/device_neighbors.h"
#include "graph/neighbor_index.h"
#include "graph/testing/drawn.h"
#include "vis/backend/torch/device_layout.h"
#include "vis/layout.h"

namespace dvi {
namespace {

void expect_same(const Neighbors& found, const Neighbors& expected) {
  ASSERT_EQ(found.k, expected.k);
  ASSERT_EQ(found.index.size(), expected.index.size());
  int64_t other = 0;
  for (size_t i = 0; i < found.index.size(); ++i) {
    EXPECT_NEAR(found.distance[i], expected.distance[i], 2e-5f * (1 + expected.distance[i]));
    other += found.index[i] != expected.index[i];
  }
  // Where two are equally far to within rounding their order may be another one.
  EXPECT_LE(static_cast<double>(other), 1e-3 * static_cast<double>(found.index.size()));
}

TEST(DeviceNeighbors, AreThoseOfTheProcessor) {
  // More queries and references than a tile has, far from the origin.
  Matrix features = drawn(17'000, 24, 1, 1);
  for (int64_t i = 0; i < features.rows() * features.cols(); ++i) features.data()[i] += 30;
  const Matrix queries = drawn(500, 24, 1, 2);
  const NeighborIndex index(features);
  const MatrixView some = features.view().slice(0, 5000);
  const NeighborIndex among_some(some);
  expect_same(among_some.on_device(some, 15, true), among_some.exact(some, 15, true));
  expect_same(index.on_device(queries, 15, false), index.exact(queries, 15, false));
}

TEST(DeviceNeighbors, DuplicatesAreNeighborsAndNobodyIsItsOwn) {
  Matrix features = drawn(600, 8, 1, 3);
  for (int64_t i = 0; i < 100; ++i) std::copy_n(features.row(0), 8, features.row(i));  // more than are kept
  const NeighborIndex index(features);
  const Neighbors found = index.on_device(features, 15, true), expected = index.exact(features, 15, true);
  EXPECT_EQ(found.index, expected.index);
  for (int64_t i = 0; i < 600; ++i)
    EXPECT_THAT(found.row(i), testing::Not(testing::Contains(static_cast<int32_t>(i))));
}

TEST(DeviceNeighbors, FewSamples) {
  const Matrix features = drawn(16, 3, 1, 4);
  const NeighborIndex index(features);
  expect_same(index.on_device(features, 15, true), index.exact(features, 15, true));
}

struct Problem {
  Matrix features = drawn(1200, 6, 1, 5);
  EdgeList edges;
  Matrix anchors = drawn(1200, 2, 5, 7);
  std::vector<float> strength = std::vector<float>(1200, 0.2f);
  Problem() {
    const Neighbors near = NeighborIndex(features).exact(features, 15, true);
    edges = fuzzy_union(near, membership_strengths(near), features.rows());
  }
  template <typename Run>
  Matrix positions(const Run& run, int iterations, LayoutFrame& frame) const {
    const LayoutProblem problem{&edges, &frame, anchors, strength};
    Matrix out = drawn(1200, 2, 1, 8);
    const LayoutPhase phases[] = {{iterations / 2, 12, 0.5}, {iterations - iterations / 2, 2, 0.8, true}};
    run(problem, phases, out.mut());
    return out;
  }
};

TEST(DeviceLayout, TakesTheStepsOfTheProcessor) {
  // A few only: rounding grows from step to step, as in any layout.
  const Problem problem;
  LayoutFrame frame, expected_frame;
  const Matrix found =
      problem.positions([](const auto&... arguments) { run_device_layout(arguments..., {}); }, 12, frame);
  choose_device(DeviceChoice::processor);
  const Matrix expected =
      problem.positions([](const auto&... arguments) { run_layout(arguments...); }, 12, expected_frame);
  choose_device(DeviceChoice::automatic);
  EXPECT_NEAR(frame.side, expected_frame.side, 1e-3f * expected_frame.side);
  double difference = 0, size = 0;
  for (int64_t i = 0; i < 2 * found.rows(); ++i) {
    difference += std::pow(found.data()[i] - expected.data()[i], 2);
    size += std::pow(expected.data()[i], 2);
  }
  EXPECT_LT(std::sqrt(difference / size), 2e-3);
}

TEST(DeviceLayout, IsTheSameEachTime) {
  const Problem problem;
  LayoutFrame a, b;
  const auto run = [](const auto&... arguments) { run_device_layout(arguments..., {}); };
  const Matrix first = problem.positions(run, 60, a), second = problem.positions(run, 60, b);
  EXPECT_TRUE(std::ranges::equal(first.view().span(), second.view().span()));
}

}  // namespace
}  // namespace dvi
