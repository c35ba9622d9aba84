#include "graph/plane_neighbors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace dvi {
namespace {

/// Sorts all references by (distance, id).
std::vector<int32_t> slow_nearest(MatrixView points, int32_t query, std::span<const int32_t> references,
                                  int k) {
  std::vector<std::pair<float, int32_t>> all;
  for (const int32_t r : references) {
    if (r == query) continue;
    const float dx = points(r, 0) - points(query, 0), dy = points(r, 1) - points(query, 1);
    const float xx = dx * dx, yy = dy * dy;
    all.emplace_back(xx + yy, r);
  }
  std::sort(all.begin(), all.end());
  std::vector<int32_t> ids;
  for (int i = 0; i < std::min<int>(k, static_cast<int>(all.size())); ++i) ids.push_back(all[i].second);
  return ids;
}

std::vector<int32_t> range(int32_t begin, int32_t end) {
  std::vector<int32_t> ids(end - begin);
  std::iota(ids.begin(), ids.end(), begin);
  return ids;
}

enum class Shape { uniform, clusters, lattice, pile, line };

Matrix cloud(Shape shape, int64_t n, uint64_t seed) {
  Random random(seed);
  Matrix points(n, 2);
  for (int64_t i = 0; i < n; ++i) {
    switch (shape) {
      case Shape::uniform:
        points(i, 0) = static_cast<float>(random.uniform());
        points(i, 1) = static_cast<float>(random.uniform());
        break;
      case Shape::clusters: {  // of very different density, far from the origin
        const auto c = static_cast<float>(random.below(7));
        const float width = std::pow(0.1f, c);
        points(i, 0) = 100.f + 5.f * c + width * static_cast<float>(random.normal());
        points(i, 1) = -50.f + width * static_cast<float>(random.normal());
        break;
      }
      case Shape::lattice:  // ties and duplicates everywhere
        points(i, 0) = static_cast<float>(random.below(9));
        points(i, 1) = static_cast<float>(random.below(9));
        break;
      case Shape::pile:  // all but a few are one point
        points(i, 0) = i % 97 == 0 ? static_cast<float>(random.uniform()) : 0.25f;
        points(i, 1) = 0.5f;
        break;
      case Shape::line:
        points(i, 0) = 3.f;
        points(i, 1) = static_cast<float>(random.normal());
        break;
    }
  }
  return points;
}

class PlaneNeighbors : public testing::TestWithParam<std::tuple<Shape, int64_t, int>> {};

TEST_P(PlaneNeighbors, AreThoseOfSortingEverything) {
  const auto [shape, n, k] = GetParam();
  const Matrix points = cloud(shape, n, 7);
  const auto all = range(0, static_cast<int32_t>(n));
  const Neighbors found = plane_neighbors(points, all, all, k);
  ASSERT_EQ(found.k, std::min<int64_t>(k, n - 1));
  for (int32_t i = 0; i < n; ++i) {
    const auto row = found.row(i);
    ASSERT_THAT(std::vector<int32_t>(row.begin(), row.end()),
                testing::ElementsAreArray(slow_nearest(points, i, all, k)))
        << "query " << i;
    for (int j = 0; j < found.k; ++j) {
      const double dx = points(row[j], 0) - points(i, 0), dy = points(row[j], 1) - points(i, 1);
      ASSERT_NEAR(found.distance[i * found.k + j], std::hypot(dx, dy), 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PlaneNeighbors,
                         testing::Combine(testing::Values(Shape::uniform, Shape::clusters, Shape::lattice,
                                                          Shape::pile, Shape::line),
                                          testing::Values(2, 33, 1500), testing::Values(1, 20, 64)));

TEST(PlaneNeighborsOfSubsets, SearchOnlyTheReferences) {
  const Matrix points = cloud(Shape::lattice, 900, 3);
  std::vector<int32_t> references, queries = range(600, 900);
  for (int32_t i = 899; i >= 0; i -= 2) references.push_back(i);  // in any order
  const Neighbors found = plane_neighbors(points, queries, references, 15);
  for (size_t q = 0; q < queries.size(); ++q) {
    const auto row = found.row(static_cast<int64_t>(q));
    ASSERT_THAT(std::vector<int32_t>(row.begin(), row.end()),
                testing::ElementsAreArray(slow_nearest(points, queries[q], references, 15)));
  }
}

TEST(PlaneNeighborsOfSubsets, WithoutSelfFindThePointItself) {
  const Matrix points = cloud(Shape::uniform, 100, 1);
  const Neighbors found = PlaneIndex(points).nearest(points, 1);
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(found.row(i)[0], i);
}

TEST(PlaneNeighborsOfSubsets, OfNothingAreNone) {
  const PlaneIndex index(Matrix(0, 2));
  EXPECT_EQ(index.nearest(Matrix(3, 2), 5).k, 0);
}

TEST(PlaneNeighborsOfSubsets, RefuseNaN) {
  Matrix points = cloud(Shape::uniform, 10, 1);
  points(4, 1) = NAN;
  try {
    const PlaneIndex index(points);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("row 4"));
  }
}

// A collapsed projection: 20,000 identical points would cost 4e8 comparisons without the smallest ids of
// boxes.
TEST(PlaneNeighborsOfSubsets, PilesAreCheap) {
  Matrix points(20000, 2);
  const auto all = range(0, 20000);
  const Neighbors found = plane_neighbors(points, all, all, 3);
  EXPECT_THAT(found.row(19999), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(found.row(1), testing::ElementsAre(0, 2, 3));
}

}  // namespace
}  // namespace dvi
