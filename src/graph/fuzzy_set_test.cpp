#include "graph/fuzzy_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/random.h"

namespace dvi {
namespace {

Neighbors some_neighbors(int64_t n, int k) {
  Random random(2);
  Matrix x(n, 3);
  for (int64_t i = 0; i < 3 * n; ++i) x.data()[i] = static_cast<float>(random.normal());
  std::copy(x.row(0), x.row(0) + 3, x.row(1));  // a duplicate
  return exact_neighbors(x, x, k, true);
}

TEST(FuzzySet, StrengthsSumToLogK) {
  const auto neighbors = some_neighbors(200, 10);
  const auto strengths = membership_strengths(neighbors);
  for (int64_t i = 0; i < 200; ++i) {
    double sum = 0;
    for (int r = 0; r < 10; ++r) sum += strengths[i * 10 + r];
    EXPECT_NEAR(sum, std::log2(10), 1e-3) << i;
    EXPECT_EQ(strengths[i * 10], 1.f);  // the nearest is certain
  }
}

TEST(FuzzySet, UnionAgreesWithTheSlowWay) {
  const auto neighbors = some_neighbors(120, 7);
  const auto strengths = membership_strengths(neighbors);
  std::map<std::pair<int, int>, double> directed;
  for (int i = 0; i < 120; ++i)
    for (int r = 0; r < 7; ++r) directed[{i, neighbors.index[i * 7 + r]}] = strengths[i * 7 + r];
  const auto edges = fuzzy_union(neighbors, strengths, 120);
  int64_t count = 0;
  for (int i = 0; i < 120; ++i)
    for (int j = 0; j < 120; ++j) {
      const double a = directed.contains({i, j}) ? directed[{i, j}] : 0,
                   b = directed.contains({j, i}) ? directed[{j, i}] : 0;
      const double expected = a + b - a * b;
      float found = 0;
      for (int64_t e = edges.begin[i]; e < edges.begin[static_cast<size_t>(i) + 1]; ++e)
        if (edges.target[e] == j) found = edges.weight[e];
      EXPECT_NEAR(found, expected, 1e-6);
      count += expected > 0;
    }
  EXPECT_EQ(edges.size(), count);
}

TEST(FuzzySet, DuplicatesOnlyAreCertain) {
  Neighbors neighbors{3, {1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2}, std::vector<float>(12, 0.f)};
  for (const float s : membership_strengths(neighbors)) EXPECT_EQ(s, 1.f);
  EXPECT_EQ(fuzzy_union(neighbors, membership_strengths(neighbors), 4).size(), 12);
}

}  // namespace
}  // namespace dvi
