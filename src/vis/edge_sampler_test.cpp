#include "vis/edge_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace dvi {
namespace {

using testing::ElementsAre;

TEST(AliasTable, DrawsInProportionToTheWeights) {
  Random random(1);
  std::vector<float> weights(1000);
  for (auto& w : weights) w = static_cast<float>(std::exp(2 * random.normal()));
  weights[7] = 0;
  double sum = 0;
  for (const float w : weights) sum += w;
  const AliasTable table(weights);
  std::vector<int64_t> seen(weights.size());
  const int64_t draws = 4'000'000;
  for (int64_t i = 0; i < draws; ++i) ++seen[static_cast<size_t>(table.draw(random))];
  double chi_square = 0;  // 998 degrees of freedom: mean 998, standard deviation 45
  for (size_t i = 0; i < weights.size(); ++i) {
    const double expected = static_cast<double>(draws) * weights[i] / sum;
    if (expected > 0) chi_square += std::pow(static_cast<double>(seen[i]) - expected, 2) / expected;
  }
  EXPECT_EQ(seen[7], 0);
  EXPECT_LT(chi_square, 998 + 5 * 45);
}

TEST(AliasTable, OneEntryAndOneHeavyEntry) {
  Random random(2);
  EXPECT_EQ(AliasTable(std::vector<float>{0.3f}).draw(random), 0);
  const AliasTable table(std::vector<float>{0, 5, 0, 0});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(table.draw(random), 1);
}

TEST(AliasTable, RefusesWeightsThatAreNone) {
  EXPECT_THROW(AliasTable(std::vector<float>{}), Error);
  EXPECT_THROW(AliasTable(std::vector<float>{0, 0}), Error);
  EXPECT_THROW(AliasTable(std::vector<float>{1, -1}), Error);
  EXPECT_THROW(AliasTable(std::vector<float>{1, NAN}), Error);
}

TEST(Edges, RareEdgesAreLeftOut) {
  const EdgeList list{{0, 2, 2, 4}, {1, 2, 0, 1}, {0.8f, 0.08f, 0.0805f, 0.0811f}};
  Edges edges;
  edges.append_frequent(list, 10);  // from 0.081 on
  EXPECT_THAT(edges.from, ElementsAre(0, 2));
  EXPECT_THAT(edges.to, ElementsAre(1, 1));
  edges.append_frequent(list, 1000);
  EXPECT_THAT(edges.from, ElementsAre(0, 2, 0, 0, 2, 2));
  EXPECT_THAT(edges.weight, ElementsAre(0.8f, 0.0811f, 0.8f, 0.08f, 0.0805f, 0.0811f));
}

}  // namespace
}  // namespace dvi
