#include "graph/neighbor_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"
#include "graph/testing/slow_neighbors.h"

namespace dvi {
namespace {

Matrix clusters(int64_t n, int64_t d, uint64_t seed) {
  Random centre_random(3), random(seed);
  Matrix centres(12, d), x(n, d);
  for (int64_t i = 0; i < 12 * d; ++i) centres.data()[i] = static_cast<float>(2 * centre_random.normal());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = static_cast<int64_t>(random.below(12));
    for (int64_t l = 0; l < d; ++l)
      x(i, l) = centres(c, l) + static_cast<float>((l < 10 ? 1 : 0.03) * random.normal());
  }
  return x;
}

Matrix noise(int64_t n, int64_t d) {
  Random random(5);
  Matrix x(n, d);
  for (int64_t i = 0; i < n * d; ++i) x.data()[i] = static_cast<float>(random.normal());
  return x;
}

/// Whole numbers, whose distances float32 knows exactly: many are equal.
Matrix whole_numbers(int64_t n, int64_t d) {
  Random random(7);
  Matrix x(n, d);
  for (int64_t i = 0; i < n * d; ++i) x.data()[i] = static_cast<float>(random.below(3));
  return x;
}

void expect_distances_of(const Neighbors& slow, const Neighbors& fast) {
  ASSERT_EQ(fast.distance.size(), slow.distance.size());
  for (size_t i = 0; i < slow.distance.size(); ++i)
    ASSERT_NEAR(fast.distance[i], slow.distance[i], 1e-5 * (1 + slow.distance[i])) << "query " << i / slow.k;
}

TEST(NeighborIndex, IsExactWhereASubspaceAndManyCellsAreUsed) {
  const Matrix x = clusters(8000, 400, 1), queries = clusters(100, 400, 2);
  const NeighborIndex index(x);
  expect_distances_of(slow_neighbors(queries, x, 15, false), index.exact(queries, 15, false));
  const MatrixView some = x.view().slice(0, 100);
  const Neighbors all = index.exact(x, 15, true);
  Neighbors own = slow_neighbors(some, x, 16, false);
  for (int64_t i = 0; i < some.rows; ++i) {
    ASSERT_EQ(own.row(i)[0], i);
    for (int r = 0; r < 15; ++r) ASSERT_NEAR(all.distances(i)[r], own.distances(i)[r + 1], 1e-4);
  }
}

TEST(NeighborIndex, IsExactInTheSubspaceOfAnotherIndexWhateverTheSamples) {
  const Matrix x = clusters(8000, 400, 1), queries = clusters(60, 400, 2);
  const NeighborIndex index(x);
  for (const Matrix& others : {clusters(1500, 400, 9), noise(1500, 400)})
    expect_distances_of(slow_neighbors(queries, others, 15, false),
                        NeighborIndex(others, index).exact(queries, 15, false));
}

TEST(NeighborIndex, TiesAreInOrderOfIndex) {
  const Matrix x = whole_numbers(3000, 5);
  const auto fast = NeighborIndex(x).exact(x, 15, true), obvious = slow_neighbors(x, x, 15, true);
  EXPECT_EQ(fast.index, obvious.index);
  EXPECT_EQ(fast.distance, obvious.distance);
}

TEST(NeighborIndex, EqualSamples) {
  const Matrix x(2500, 70);
  const auto found = NeighborIndex(x).exact(x, 5, true);
  EXPECT_EQ(found.index, slow_neighbors(x, x, 5, true).index);
}

TEST(NeighborIndex, ManyDimensionsAndAsFewSamplesAsThereAreNeighbors) {
  const Matrix wide = noise(300, 4096);
  expect_distances_of(slow_neighbors(wide, wide, 15, true), NeighborIndex(wide).exact(wide, 15, true));
  const Matrix few = noise(16, 3);
  EXPECT_EQ(NeighborIndex(few).exact(few, 15, true).index, slow_neighbors(few, few, 15, true).index);
}

TEST(NeighborIndex, SamplesFarOutsideTheGrid) {
  Matrix x = noise(6000, 20);
  for (int64_t l = 0; l < 20; ++l) x(3, l) += 500;
  Matrix queries = noise(50, 20);
  for (int64_t l = 0; l < 20; ++l) queries(7, l) -= 300;
  expect_distances_of(slow_neighbors(queries, x, 15, false), NeighborIndex(x).exact(queries, 15, false));
}

TEST(NeighborIndex, FeaturesOfAnyScale) {
  for (const float scale : {1e-40f, 1e-30f, 1e-15f, 1e13f}) {
    Matrix x = noise(3000, 20);
    for (int64_t i = 0; i < 3000 * 20; ++i) x.data()[i] *= scale;
    const MatrixView some = x.view().slice(0, 50);
    const Neighbors found = NeighborIndex(x).exact(some, 15, false);
    const Neighbors slow = slow_neighbors(some, x, 15, false);
    for (size_t i = 0; i < found.distance.size(); ++i)
      // Below 1e-19 squares vanish, and all distances are 0.
      ASSERT_NEAR(found.distance[i], scale < 1e-19f ? 0 : slow.distance[i], 1e-5 * slow.distance[i] + 1e-18);
  }
}

TEST(NeighborIndex, OneSampleBeyondAllProportionTheOthersHardlyApart) {
  // Every second sample sets the grid; the sample far off is another one.
  for (const float apart : {1e-30f, 1e-12f, 0.f}) {
    Matrix x = noise(9000, 8);
    for (int64_t i = 0; i < 9000 * 8; ++i) x.data()[i] *= apart;
    for (int64_t l = 0; l < 8; ++l) x(4001, l) = l % 2 == 0 ? 1e15f : -1e15f;
    const Neighbors found = NeighborIndex(x).exact(x, 5, true);
    for (int64_t i = 0; i < x.rows(); ++i)
      for (const int32_t j : found.row(i)) ASSERT_TRUE(j != i && (j != 4001 || i == 4001)) << i << " " << j;
  }
}

TEST(NeighborIndex, WhatHasNoDistancesIsRefused) {
  for (const float odd : {NAN, INFINITY, -INFINITY, 3e18f, 3e38f, -1e16f}) {
    Matrix x = noise(400, 6), queries = noise(10, 6);
    const NeighborIndex good(x);
    queries(7, 2) = x(399, 5) = odd;
    EXPECT_THROW(NeighborIndex{x}, Error) << odd;
    EXPECT_THROW(good.exact(queries, 3, false), Error) << odd;
  }
}

TEST(NeighborIndex, ApproximateTellsItsRecall) {
  for (const Matrix& x : {clusters(20000, 40, 1), noise(20000, 24)}) {
    const NeighborIndex index(x);
    const FoundNeighbors found = index.approximate(x, 15, true);
    const Neighbors truth = index.exact(x, 15, true);
    double share = 0;
    for (int64_t i = 0; i < x.rows(); ++i)
      for (const float distance : found.neighbors.distances(i)) share += distance <= truth.distances(i)[14];
    share /= static_cast<double>(x.rows() * 15);
    EXPECT_GE(found.recall, 0.99);
    EXPECT_LE(found.recall, 1);
    EXPECT_NEAR(found.recall, share, 0.004);
  }
}

TEST(NeighborIndex, TheSameForAnyNumberOfThreads) {
  const Matrix x = clusters(6000, 30, 1);
  const int before = threads();
  set_threads(1);
  const auto one = NeighborIndex(x).approximate(x, 15, true);
  set_threads(3);
  const auto three = NeighborIndex(x).approximate(x, 15, true);
  set_threads(before);
  EXPECT_EQ(one.neighbors.index, three.neighbors.index);
  EXPECT_EQ(one.recall, three.recall);
}

TEST(NeighborIndex, WithoutSamplesAnError) { EXPECT_THROW(NeighborIndex(Matrix(0, 4)), Error); }

}  // namespace
}  // namespace dvi
