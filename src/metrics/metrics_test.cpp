#include "metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "graph/plane_neighbors.h"
#include "metrics/subset.h"
#include "subject/logits.h"

namespace dvi {
namespace {

Matrix random_matrix(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed);
  Matrix out(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) out.data()[i] = static_cast<float>(random.normal());
  return out;
}

std::vector<int32_t> range(int32_t begin, int32_t end) {
  std::vector<int32_t> ids(static_cast<size_t>(end - begin));
  std::iota(ids.begin(), ids.end(), begin);
  return ids;
}

double squared(MatrixView m, int32_t a, int32_t b) {
  double sum = 0;
  for (int64_t d = 0; d < m.cols; ++d) sum += std::pow(double{m(a, d)} - double{m(b, d)}, 2);
  return sum;
}

/// All references but the query, nearest first, ties by id.
std::vector<int32_t> slow_order(MatrixView m, int32_t query, std::span<const int32_t> references) {
  std::vector<std::pair<double, int32_t>> all;
  for (const int32_t r : references)
    if (r != query) all.emplace_back(squared(m, query, r), r);
  std::sort(all.begin(), all.end());
  std::vector<int32_t> order;
  for (const auto& [d, r] : all) order.push_back(r);
  return order;
}

Neighbors slow_neighbors(MatrixView m, std::span<const int32_t> queries, std::span<const int32_t> references,
                         int k) {
  Neighbors out;
  out.k = k;
  for (const int32_t q : queries) {
    const auto order = slow_order(m, q, references);
    out.index.insert(out.index.end(), order.begin(), order.begin() + k);
    for (int i = 0; i < k; ++i)
      out.distance.push_back(static_cast<float>(std::sqrt(squared(m, q, order[static_cast<size_t>(i)]))));
  }
  return out;
}

/// Straight from the definition.
double slow_overlap(MatrixView a, MatrixView b, std::span<const int32_t> ids,
                    std::span<const int32_t> references, int k) {
  double sum = 0;
  for (const int32_t id : ids) {
    const auto x = slow_order(a, id, references), y = slow_order(b, id, references);
    const std::set<int32_t> first(x.begin(), x.begin() + k);
    sum += static_cast<double>(
        std::count_if(y.begin(), y.begin() + k, [&](int32_t j) { return first.contains(j); }));
  }
  return sum / static_cast<double>(ids.size());
}

/// Trustworthiness of `to` as a picture of `from` with k = 15; continuity is the same with the two exchanged.
double slow_trustworthiness(MatrixView from, MatrixView to, std::span<const int32_t> ids,
                            std::span<const int32_t> references) {
  constexpr int k = 15;
  double sum = 0;
  for (const int32_t id : ids) {
    const auto original = slow_order(from, id, references), shown = slow_order(to, id, references);
    for (int j = 0; j < k; ++j) {
      const auto rank =
          std::find(original.begin(), original.end(), shown[static_cast<size_t>(j)]) - original.begin() + 1;
      sum += std::max<double>(0, static_cast<double>(rank - k));
    }
  }
  const auto n = static_cast<double>(references.size());
  return 1 - 2 / (static_cast<double>(ids.size()) * k * (2 * n - 3 * k - 1)) * sum;
}

/// Samples whose first two dimensions are, with noise, their place in the plane.
struct Picture {
  explicit Picture(int64_t n, int64_t dim = 6, uint64_t seed = 3)
      : features(random_matrix(n, dim, seed)), positions(random_matrix(n, 2, seed + 1)) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t d = 0; d < 2; ++d) positions(i, d) = 2 * features(i, d) + 0.3f * positions(i, d);
  }
  Matrix features, positions;
};

GroupInput input_of(std::span<const int32_t> ids, std::span<const int32_t> references, const Neighbors& near,
                    const Neighbors& plane) {
  GroupInput input;
  input.ids = ids;
  input.references = references;
  input.neighbors = &near;
  input.plane_neighbors = &plane;
  return input;
}

TEST(NeighborMetrics, AreTheDefinitions) {
  const Picture picture(400);
  const auto test = range(300, 400), all = range(0, 400);
  const auto near = slow_neighbors(picture.features, test, all, 20),
             plane = slow_neighbors(picture.positions, test, all, 20);
  const auto metrics =
      neighbor_metrics(picture.features, picture.positions, input_of(test, all, near, plane));
  EXPECT_EQ(metrics.count, 100);
  EXPECT_NEAR(*metrics.nn_10, slow_overlap(picture.features, picture.positions, test, all, 10), 1e-12);
  EXPECT_NEAR(*metrics.nn_15, slow_overlap(picture.features, picture.positions, test, all, 15), 1e-12);
  EXPECT_NEAR(*metrics.nn_20, slow_overlap(picture.features, picture.positions, test, all, 20), 1e-12);
  EXPECT_NEAR(*metrics.nn_15_with_self, 1 + slow_overlap(picture.features, picture.positions, test, all, 14),
              1e-12);
  EXPECT_NEAR(*metrics.trustworthiness_15,
              slow_trustworthiness(picture.features, picture.positions, test, all), 1e-12);
  EXPECT_NEAR(*metrics.continuity_15, slow_trustworthiness(picture.positions, picture.features, test, all),
              1e-12);
  EXPECT_LT(*metrics.trustworthiness_15, 0.99);
  EXPECT_FALSE(metrics.boundary_15);
}

TEST(NeighborMetrics, OfAPerfectPictureAreAtTheTop) {
  const Matrix features = random_matrix(200, 2, 1);
  const auto all = range(0, 200);
  const auto near = slow_neighbors(features, all, all, 20);
  const auto metrics = neighbor_metrics(features, features, input_of(all, all, near, near));
  EXPECT_EQ(*metrics.nn_10, 10);
  EXPECT_EQ(*metrics.nn_15, 15);
  EXPECT_EQ(*metrics.nn_20, 20);
  EXPECT_EQ(*metrics.nn_15_with_self, 15);
  EXPECT_EQ(*metrics.trustworthiness_15, 1);
  EXPECT_EQ(*metrics.continuity_15, 1);
}

TEST(NeighborMetrics, OfARandomPictureAreAtTheLevelOfChance) {
  const Matrix features = random_matrix(1500, 5, 1), positions = random_matrix(1500, 2, 2);
  const auto all = range(0, 1500);
  const auto near = slow_neighbors(features, all, all, 20), plane = plane_neighbors(positions, all, all, 20);
  const auto metrics = neighbor_metrics(features, positions, input_of(all, all, near, plane));
  EXPECT_NEAR(*metrics.nn_15, 15.0 * 15 / 1499, 0.03);
  EXPECT_NEAR(*metrics.trustworthiness_15, 0.5, 0.02);
}

// Ranks when float32 cannot tell distances apart: duplicates, points far from the origin, references in any
// order.
TEST(NeighborMetrics, RankDuplicatesById) {
  Picture picture(300);
  for (int64_t i = 0; i < 300; ++i) {
    for (int64_t d = 0; d < 6; ++d) picture.features(i, d) = 100 + picture.features(i % 60, d) * 1e-2f;
    picture.positions(i, 0) = std::floor(picture.positions(i, 0));
    picture.positions(i, 1) = std::floor(picture.positions(i, 1));
  }
  auto references = range(0, 300);
  std::reverse(references.begin(), references.end());
  const auto queries = range(0, 300);
  const auto near = slow_neighbors(picture.features, queries, references, 20);
  const auto plane = plane_neighbors(picture.positions, queries, references, 20);
  const auto metrics =
      neighbor_metrics(picture.features, picture.positions, input_of(queries, references, near, plane));
  EXPECT_NEAR(*metrics.trustworthiness_15,
              slow_trustworthiness(picture.features, picture.positions, queries, references), 1e-12);
  EXPECT_NEAR(*metrics.continuity_15,
              slow_trustworthiness(picture.positions, picture.features, queries, references), 1e-12);
}

TEST(NeighborMetrics, RankASubsetAgainstAll) {
  const Picture picture(2500, 20);
  std::vector<int32_t> odd;  // references with gaps, over several tiles
  for (int32_t i = 1; i < 2500; i += 2) odd.push_back(i);
  const auto near = slow_neighbors(picture.features, odd, odd, 15),
             plane = plane_neighbors(picture.positions, odd, odd, 15);
  const auto input = input_of(odd, odd, near, plane);
  const auto metrics = neighbor_metrics(picture.features, picture.positions, input, 100);
  std::vector<int32_t> drawn;
  for (const int64_t row : draw_subset(1250, 100, 20220222)) drawn.push_back(odd[static_cast<size_t>(row)]);
  EXPECT_NEAR(*metrics.trustworthiness_15,
              slow_trustworthiness(picture.features, picture.positions, drawn, odd), 1e-12);
  EXPECT_NEAR(*metrics.continuity_15, slow_trustworthiness(picture.positions, picture.features, drawn, odd),
              1e-12);
  const auto everything = neighbor_metrics(picture.features, picture.positions, input, 5000);
  EXPECT_NEAR(*metrics.trustworthiness_15, *everything.trustworthiness_15, 0.02);
  EXPECT_FALSE(neighbor_metrics(picture.features, picture.positions, input, 0).trustworthiness_15);
}

TEST(NeighborMetrics, AreAbsentWhereThereAreTooFewSamples) {
  const Picture picture(19);
  const auto all = range(0, 19);
  const auto near = slow_neighbors(picture.features, all, all, 18),
             plane = slow_neighbors(picture.positions, all, all, 18);
  const auto metrics = neighbor_metrics(picture.features, picture.positions, input_of(all, all, near, plane));
  EXPECT_TRUE(metrics.nn_15);
  EXPECT_FALSE(metrics.nn_20);
  EXPECT_FALSE(metrics.trustworthiness_15);  // 2n - 3k - 1 < 0
  EXPECT_EQ(neighbor_metrics(picture.features, picture.positions, {}).count, 0);
}

TEST(NeighborMetrics, CountBoundaryNeighboursBesideTheirChance) {
  const Picture samples(50), boundary(40, 6, 77);
  Matrix features(90, 6), positions(90, 2);  // boundary samples after the others, for the slow version
  std::copy_n(samples.features.data(), 300, features.data());
  std::copy_n(boundary.features.data(), 240, features.row(50));
  std::copy_n(samples.positions.data(), 100, positions.data());
  std::copy_n(boundary.positions.data(), 80, positions.row(50));
  const auto ids = range(0, 50), borders = range(50, 90), all = range(0, 50);
  const auto near = slow_neighbors(features, ids, all, 15), plane = slow_neighbors(positions, ids, all, 15);
  const auto near_boundary = slow_neighbors(features, ids, borders, 15);
  const auto plane_boundary = PlaneIndex(boundary.positions).nearest(samples.positions, 15);
  auto shifted = near_boundary;
  for (auto& i : shifted.index) i -= 50;  // rows of the boundary set
  auto input = input_of(ids, all, near, plane);
  input.boundary_neighbors = &shifted;
  input.plane_boundary_neighbors = &plane_boundary;
  input.boundary_count = 40;
  const auto metrics = neighbor_metrics(features, positions, input);
  EXPECT_NEAR(*metrics.boundary_15, slow_overlap(features, positions, ids, borders, 15), 1e-12);
  EXPECT_NEAR(*metrics.boundary_15_chance, 225.0 / 40, 1e-12);
}

TEST(NeighborMetrics, RefuseListsOfOtherSamples) {
  const Picture picture(60);
  const auto all = range(0, 60), some = range(0, 50);
  const auto near = slow_neighbors(picture.features, all, all, 15),
             plane = slow_neighbors(picture.positions, some, all, 15);
  EXPECT_THROW(neighbor_metrics(picture.features, picture.positions, input_of(all, all, near, plane)), Error);
}

// The published "test" figure: train and test together, the sample among its own neighbours.
TEST(Nn15WithSelf, IsOfTrainAndTestTogether) {
  const Picture picture(260);
  std::vector<int32_t> train, test = range(200, 260);  // train with gaps, in reverse
  for (int32_t i = 199; i >= 0; i -= 2) train.push_back(i);
  std::vector<int32_t> all = train;
  all.insert(all.end(), test.begin(), test.end());
  const auto near_train = slow_neighbors(picture.features, train, train, 20),
             plane_train = slow_neighbors(picture.positions, train, train, 20),
             near_test = slow_neighbors(picture.features, test, all, 20),
             plane_test = slow_neighbors(picture.positions, test, all, 20);
  const auto of_train = input_of(train, train, near_train, plane_train);
  const auto of_test = input_of(test, all, near_test, plane_test);
  EXPECT_NEAR(*nn_15_with_self(picture.features, picture.positions, of_train, of_test),
              1 + slow_overlap(picture.features, picture.positions, all, all, 14), 1e-12);
  EXPECT_NEAR(*nn_15_with_self(picture.features, picture.positions, of_train, of_test, 50),
              1 + slow_overlap(picture.features, picture.positions, all, all, 14), 0.5);
}

TEST(RoundTripMetrics, AreTheDefinitions) {
  const Matrix before = random_matrix(700, 4, 1), features = random_matrix(700, 19, 2);
  Matrix after = random_matrix(700, 4, 3), features_after = random_matrix(700, 19, 4);
  for (int64_t i = 0; i < 2800; ++i) after.data()[i] = before.data()[i] + 0.5f * after.data()[i];
  const std::vector<Verdict> own = judge(before.view());
  RoundTrip trip{judge(after.view()), {}, squared_errors(features, features_after)};
  for (int64_t i = 0; i < 700; ++i)
    trip.still_as_probable.push_back(
        probability(after.view().slice(i, 1).span(), own[static_cast<size_t>(i)].prediction));
  for (const auto& ids : {std::vector<int32_t>{}, std::vector<int32_t>{5, 6, 699, 0}}) {
    GroupMetrics metrics;
    add_round_trip(metrics, own, trip, ids);
    double kept = 0, change = 0, error = 0;
    const auto rows = ids.empty() ? range(0, 700) : ids;
    for (const int32_t i : rows) {
      const std::span<const float> a(before.row(i), 4), b(after.row(i), 4);
      double sum_a = 0, sum_b = 0;
      for (const float v : a) sum_a += std::exp(double{v});
      for (const float v : b) sum_b += std::exp(double{v});
      const auto c = static_cast<size_t>(std::max_element(a.begin(), a.end()) - a.begin());
      kept += c == static_cast<size_t>(std::max_element(b.begin(), b.end()) - b.begin());
      change += std::abs(std::exp(double{b[c]}) / sum_b - std::exp(double{a[c]}) / sum_a);
      for (int64_t d = 0; d < 19; ++d) error += std::pow(features(i, d) - features_after(i, d), 2) / 19;
    }
    const auto n = static_cast<double>(rows.size());
    EXPECT_EQ(metrics.count, static_cast<int64_t>(rows.size()));
    EXPECT_NEAR(*metrics.ppr, kept / n, 1e-12);
    EXPECT_NEAR(*metrics.ccr, change / n, 1e-6);
    EXPECT_NEAR(*metrics.mse, error / n, 1e-5);
  }
}

TEST(RoundTripMetrics, RefuseArraysOfOtherSizes) {
  const Matrix logits(5, 3), fewer(4, 3);
  const std::vector<float> five(5), four(4);
  GroupMetrics metrics;
  EXPECT_THROW(add_round_trip(metrics, judge(logits.view()), {judge(fewer.view()), five, five}), Error);
  EXPECT_THROW(add_round_trip(metrics, judge(logits.view()), {judge(logits.view()), four, five}), Error);
  EXPECT_THROW(squared_errors(logits, fewer), Error);
}

TEST(KeepBoundary, IsTheShareOnWhiteCells) {
  Landscape landscape{2, {0, 0, 0, 0}, {255, 255, 255, 255}, {0, 200, 38, 39}};
  Matrix positions(5, 2);
  const float places[5][2] = {{0.5, 0.5}, {1.5, 0.5}, {0.5, 1.5}, {1.5, 1.5}, {-9, -9}};
  for (int64_t i = 0; i < 5; ++i) std::copy(places[i], places[i] + 2, positions.row(i));
  EXPECT_NEAR(keep_boundary(landscape, {0, 0, 2, 2}, positions), 3.0 / 5, 1e-12);
}

TEST(NeighborsKept, CountsWhatIsInBoth) {
  const Neighbors a{3, {1, 2, 3, 4, 5, 6}, std::vector<float>(6)},
      b{4, {3, 1, 9, 2, 7, 8, 9, 4}, std::vector<float>(8)};
  EXPECT_THAT(neighbors_kept(a, b, 3), testing::ElementsAre(2, 0));
  EXPECT_THAT(neighbors_kept(a, b, 1), testing::ElementsAre(0, 0));
  EXPECT_THROW(neighbors_kept(a, b, 4), Error);
}

TEST(EpochMetrics, GoThroughJsonWithTheNamesOfTheFormat) {
  EpochMetrics metrics;
  metrics.train.count = 7;
  metrics.train.nn_15 = 4.5;
  metrics.test.ppr = 0.75;
  metrics.boundary.keep_boundary = 0.5;
  metrics.encoder_test = GroupMetrics{};
  metrics.encoder_test->nn_10 = 2;
  const Json json = to_json(metrics);
  EXPECT_EQ(json["train"], (Json{{"count", 7}, {"nn_15", 4.5}}));
  EXPECT_EQ(json["test"], (Json{{"count", 0}, {"ppr", 0.75}}));
  EXPECT_FALSE(json.contains("encoder_train"));
  const auto again = epoch_metrics_from_json(json);
  EXPECT_EQ(to_json(again), json);
  EXPECT_EQ(*again.encoder_test->nn_10, 2);
}

TEST(DrawSubset, IsEveryNumberAsOften) {
  EXPECT_THAT(draw_subset(4, 9, 1), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(draw_subset(5, 0, 1), testing::IsEmpty());
  std::vector<int> seen(20, 0);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const auto subset = draw_subset(20, 5, seed);
    EXPECT_EQ(subset.size(), 5u);
    EXPECT_TRUE(std::is_sorted(subset.begin(), subset.end()));
    for (const int64_t i : subset) ++seen[static_cast<size_t>(i)];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 120);
}

}  // namespace
}  // namespace dvi
