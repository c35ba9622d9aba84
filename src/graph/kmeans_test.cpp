#include "graph/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/random.h"

namespace dvi {
namespace {

/// `count` points around each of `groups` places far from each other.
Matrix groups_of(int64_t groups, int64_t count, int64_t dims) {
  Random random(4);
  Matrix x(groups * count, dims);
  for (int64_t i = 0; i < x.rows(); ++i)
    for (int64_t l = 0; l < dims; ++l)
      x(i, l) = static_cast<float>((l == i % groups ? 100 : 0) + random.normal());
  return x;
}

TEST(Kmeans, DistancesAreThoseOfTheDefinition) {
  const Matrix x = groups_of(5, 40, 9);
  const Centres centres(x, 7);
  Matrix squared;
  centres.distances(x, squared);
  std::vector<int32_t> cell(x.rows());
  Matrix room;
  centres.nearest(x, room, cell.data());
  for (int64_t i = 0; i < x.rows(); ++i) {
    double least = INFINITY;
    for (int64_t c = 0; c < centres.count(); ++c) {
      double sum = 0;
      for (int64_t l = 0; l < 9; ++l) sum += std::pow(double{x(i, l)} - centres.point(c)[l], 2);
      EXPECT_NEAR(squared(i, c), sum, 1e-6 * 2e4);
      least = std::min(least, sum);
    }
    EXPECT_NEAR(squared(i, cell[i]), least, 1e-6 * 2e4);
  }
}

TEST(Kmeans, ACentreForEverySampleIsAtTheSamples) {
  const Matrix x = groups_of(6, 1, 6);
  const Centres centres(x, 6);
  std::vector<int32_t> cell(6);
  Matrix room;
  centres.nearest(x, room, cell.data());
  EXPECT_EQ(std::set<int32_t>(cell.begin(), cell.end()).size(), 6u);
  for (int64_t i = 0; i < 6; ++i) EXPECT_NEAR(room(i, cell[i]), 0, 0.1);
}

}  // namespace
}  // namespace dvi
