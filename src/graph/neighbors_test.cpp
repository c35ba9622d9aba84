#include "graph/neighbors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "graph/testing/slow_neighbors.h"

namespace dvi {
namespace {

enum class Kind { clusters_near_a_subspace, full_rank, duplicates, far_from_zero };

Matrix make_data(Kind kind, int64_t n, int64_t d) {
  Random random(11);
  Matrix centres(10, d), x(n, d);
  for (int64_t i = 0; i < 10 * d; ++i) centres.data()[i] = static_cast<float>(3 * random.normal());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = static_cast<int64_t>(random.below(10));
    for (int64_t l = 0; l < d; ++l) {
      const double noise = kind == Kind::full_rank ? 1 : l < 12 ? 1 : 0.02;
      x(i, l) =
          static_cast<float>(centres(c, l) * (kind == Kind::full_rank ? 0 : 1) + noise * random.normal());
      if (kind == Kind::far_from_zero) x(i, l) += 100;
    }
    if (kind == Kind::duplicates && i % 2 == 1) std::copy(x.row(i - 1), x.row(i - 1) + d, x.row(i));
  }
  return x;
}

class ExactNeighbors : public testing::TestWithParam<std::tuple<Kind, int64_t, bool>> {};

TEST_P(ExactNeighbors, AgreesWithTheSlowWay) {
  const auto [kind, d, same] = GetParam();
  const Matrix references = make_data(kind, 2100, d);
  const Matrix queries = same ? references : make_data(kind, 300, d);
  const auto fast = exact_neighbors(queries, references, 15, same);
  const auto slow = slow_neighbors(queries, references, 15, same);
  ASSERT_EQ(fast.index.size(), slow.index.size());
  for (size_t i = 0; i < fast.index.size(); ++i) {
    EXPECT_NEAR(fast.distance[i], slow.distance[i], 2e-5 * (1 + slow.distance[i])) << i / 15;
    // Another index is right only where the two distances cannot be told apart in float32.
    if (fast.index[i] != slow.index[i]) {
      const auto row = slow.row(static_cast<int64_t>(i / 15));
      const bool within = std::find(row.begin(), row.end(), fast.index[i]) != row.end();
      const float last = slow.distance[(i / 15) * 15 + 14];
      EXPECT_TRUE(within || std::abs(fast.distance[i] - last) <= 1e-5 * (1 + last)) << i / 15;
    }
    EXPECT_FALSE(same && fast.index[i] == static_cast<int32_t>(i / 15));
  }
}

INSTANTIATE_TEST_SUITE_P(Data, ExactNeighbors,
                         testing::Combine(testing::Values(Kind::clusters_near_a_subspace, Kind::full_rank,
                                                          Kind::duplicates, Kind::far_from_zero),
                                          testing::Values(2, 130), testing::Bool()));

TEST(ExactNeighborsErrors, TooFewSamples) {
  const Matrix x(15, 4);
  EXPECT_THROW(exact_neighbors(x, x, 15, true), Error);
  EXPECT_EQ(exact_neighbors(x, x, 15, false).size(), 15);
}

}  // namespace
}  // namespace dvi
