// What is computed through LibTorch is what this project's own kernels compute.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/device.h"
#include "graph/backend/torch/device_fuzzy_set.h"
#include "graph/backend/torch/device_neighbors.h"
#include "graph/fuzzy_set.h"
#include "graph/neighbor_index.h"
#include "graph/testing/drawn.h"
#include "vis/backend/torch/device_layout.h"
#include "vis/backend/torch/device_networks.h"
#include "vis/layout.h"
#include "vis/layout_steps.h"

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

TEST(DeviceFuzzySet, HasTheStrengthsOfTheProcessor) {
  Matrix features = drawn(2000, 6, 1, 16);
  // A sample with 30 copies, all of whose neighbours are at distance 0; one with a few; a tight group far
  // away.
  for (int64_t i = 0; i < 30; ++i) std::copy_n(features.row(0), 6, features.row(i));
  for (int64_t i = 50; i < 54; ++i) std::copy_n(features.row(50), 6, features.row(i));
  for (int64_t i = 100; i < 110; ++i)
    for (int64_t l = 0; l < 6; ++l) features(i, l) = 1000 + 1e-3f * features(i, l);
  const Neighbors near = NeighborIndex(features).exact(features, 15, true);
  const double mean = sum_of_distances(near) / static_cast<double>(near.distance.size());
  EXPECT_THAT(device_membership_strengths(near, mean),
              testing::Pointwise(testing::FloatNear(1e-6f), membership_strengths(near, mean)));
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

/// As run_layout(), without a frame: all pairs, one after the other, in double precision.
Matrix slow_layout(const LayoutProblem& problem, const LayoutPhase& phase, const Matrix& start) {
  const int64_t n = start.rows();
  std::vector<double> at(start.data(), start.data() + 2 * n), velocity(at.size()), gain(at.size(), 1);
  const auto scale = static_cast<double>(attraction_scale(problem));
  const double divisor = std::max(1.0, phase.exaggeration), rate = static_cast<double>(n) / divisor;
  for (int iteration = 0; iteration < phase.iterations; ++iteration) {
    std::vector<double> attraction(at.size()), repulsion(at.size());
    double normaliser = 0;
    const auto add = [&](std::vector<double>& force, int64_t i, int64_t j, double weight, int power) {
      const double dx = at[2 * i] - at[2 * j], dy = at[2 * i + 1] - at[2 * j + 1],
                   k = 1 / (1 + dx * dx + dy * dy), pull = weight * std::pow(k, power);
      force[2 * i] += pull * dx;
      force[2 * i + 1] += pull * dy;
      return k;
    };
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t e = problem.edges->begin[i]; e < problem.edges->begin[i + 1]; ++e)
        add(attraction, i, problem.edges->target[e], scale * problem.edges->weight[e], 1);
      for (int64_t j = 0; j < n; ++j)
        if (j != i) normaliser += add(repulsion, i, j, 1, 2);
    }
    for (int64_t i = 0; i < n; ++i) {
      double* const v = &velocity[2 * i];
      for (int64_t c = 2 * i; c < 2 * i + 2; ++c) {
        const double force = phase.exaggeration * attraction[c] - repulsion[c] / normaliser;
        gain[c] = std::max((force > 0) == (velocity[c] > 0) ? gain[c] * 0.8 : gain[c] + 0.2,
                           static_cast<double>(layout_steps::least_gain));
        velocity[c] = phase.momentum * velocity[c] - rate * gain[c] * force;
      }
      const double shorten =
          std::min(1.0, layout_steps::longest_step / std::max(1e-30, std::hypot(v[0], v[1])));
      const double hold = problem.anchor_strength[i] / divisor;
      for (int c = 0; c < 2; ++c) {
        const double moved = (at[2 * i + c] + v[c] * shorten + hold * problem.anchors(i, c)) / (1 + hold);
        v[c] = moved - at[2 * i + c];
        at[2 * i + c] = moved;
      }
    }
  }
  Matrix out(n, 2);
  std::ranges::copy(at, out.data());
  return out;
}

/// Root mean square of the difference, as a share of the length of `expected`.
double difference(const Matrix& found, const Matrix& expected) {
  double different = 0, size = 0;
  for (int64_t i = 0; i < found.rows() * found.cols(); ++i) {
    different += std::pow(found.data()[i] - expected.data()[i], 2);
    size += std::pow(expected.data()[i], 2);
  }
  return std::sqrt(different / size);
}

TEST(DeviceLayout, AndThatOfTheProcessorAreNearToASlowOne) {
  // Two steps only: what interpolation and rounding make different grows from step to step, as in any layout.
  const Problem data;
  const LayoutProblem problem{&data.edges, nullptr, data.anchors, data.strength};
  const LayoutPhase phase{2, 12, 0.5};
  const Matrix start = drawn(1200, 2, 1, 8), slow = slow_layout(problem, phase, start);
  Matrix device = start, own = start;
  run_device_layout(problem, {&phase, 1}, device.mut(), {});
  choose_device(DeviceChoice::processor);
  run_layout(problem, {&phase, 1}, own.mut());
  choose_device(DeviceChoice::automatic);
  EXPECT_LT(difference(own, slow), 2e-4);
  EXPECT_LT(difference(device, slow), 2e-4);
}

TEST(DeviceLayout, TakesTheStepsOfTheProcessor) {
  const Problem problem;
  LayoutFrame frame, expected_frame;
  const Matrix found =
      problem.positions([](const auto&... arguments) { run_device_layout(arguments..., {}); }, 12, frame);
  choose_device(DeviceChoice::processor);
  const Matrix expected =
      problem.positions([](const auto&... arguments) { run_layout(arguments...); }, 12, expected_frame);
  choose_device(DeviceChoice::automatic);
  EXPECT_NEAR(frame.side, expected_frame.side, 1e-3f * expected_frame.side);
  EXPECT_LT(difference(found, expected), 1e-2);
}

TEST(DeviceLayout, IsTheSameEachTime) {
  const Problem problem;
  LayoutFrame a, b;
  const auto run = [](const auto&... arguments) { run_device_layout(arguments..., {}); };
  const Matrix first = problem.positions(run, 60, a), second = problem.positions(run, 60, b);
  EXPECT_TRUE(std::ranges::equal(first.view().span(), second.view().span()));
}

/// More rows than are uploaded at once, so that there are two parts.
constexpr int64_t many = 70'000;

TEST(DeviceNetworks, ProjectAsOnTheProcessor) {
  Random random(9);
  const Matrix features = drawn(many, 12, 1, 10);
  PlaneEncoder encoder{Mlp({12, 32, 32, 20}, random), drawn(20, 2, 5, 11)};
  for (const bool landmarks : {true, false}) {
    if (!landmarks) encoder = {Mlp({12, 32, 2}, random), {}};
    Matrix found(many, 2), expected(many, 2);
    encode_on_device(encoder, features, found.mut());
    encoder.apply(features, expected.mut());
    // bf16 products, which some processors have, are less exact.
    EXPECT_LT(difference(found, expected), best_precision() == Precision::bf16 ? 2e-2 : 1e-5);
  }
}

TEST(DeviceNetworks, LeadBackAsOnTheProcessor) {
  Random random(12);
  const Matrix points = drawn(many, 2, 3, 13), features = drawn(many, 10, 1, 14);
  const LinearHead head{drawn(4, 10, 1, 15), {0.1f, -0.2f, 0.3f, 0}};
  FeatureGrid grid({4, 16}, {-5, -6, 11});  // some points lie outside
  for (float& p : grid.parameters()) p = static_cast<float>(random.normal());
  const auto subject = make_linear_subject({head.weight, head.bias});
  for (const bool with_grid : {true, false}) {
    const PlaneDecoder decoder{with_grid ? grid : FeatureGrid(),
                               Mlp({with_grid ? grid.width() : 2, 24, 10}, random)};
    Matrix logits(many, 4), expected_logits(many, 4), decoded(many, 10);
    std::vector<float> errors(many);
    decode_on_device(decoder, head, points, features, logits.mut(), errors);
    decoder.apply(points, decoded.mut());
    subject->head(decoded, expected_logits.mut());
    const double tolerance = best_precision() == Precision::bf16 ? 2e-2 : 1e-5;
    EXPECT_LT(difference(logits, expected_logits), tolerance);
    for (int64_t i = 0; i < many; i += 97) {
      double error = 0;
      for (int64_t l = 0; l < 10; ++l) error += std::pow(decoded(i, l) - features(i, l), 2) / 10;
      EXPECT_NEAR(errors[static_cast<size_t>(i)], error, 10 * tolerance * (1 + error));
    }
  }
}

}  // namespace
}  // namespace dvi
