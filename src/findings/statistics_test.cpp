#include "findings/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace dvi {
namespace {

TEST(Statistics, BinomialTail) {
  EXPECT_NEAR(binomial_tail(2, 3, 0.5), 0.5, 1e-9);
  EXPECT_NEAR(binomial_tail(3, 3, 0.1), 0.001, 1e-12);
  EXPECT_EQ(binomial_tail(0, 5, 0.5), 1);
  EXPECT_EQ(binomial_tail(6, 5, 0.5), 0);
  EXPECT_NEAR(binomial_tail(600, 1000, 0.5), 1.364e-10, 1e-12);
}

TEST(Statistics, ExchangeMatchesDrawnPermutations) {
  // 18 of 60 against 25 of 140.
  constexpr int draws = 20000;
  Random random(4);
  std::vector<int> members(200, 0);
  std::fill(members.begin(), members.begin() + 43, 1);
  int as_many = 0;
  for (int d = 0; d < draws; ++d) {
    for (size_t i = 0; i < 60; ++i) std::swap(members[i], members[i + random.below(200 - i)]);
    int hits = 0;
    for (size_t i = 0; i < 60; ++i) hits += members[i];
    as_many += hits >= 18;
  }
  EXPECT_NEAR(exchange_tail(18, 60, 25, 140), double(as_many) / draws, 0.01);
  EXPECT_GT(exchange_tail(10, 50, 10, 50), 0.4);
  EXPECT_EQ(exchange_tail(0, 0, 0, 10), 1);
}

TEST(Statistics, StrataRemoveWhatTheyExplain) {
  // In each stratum both groups have the same rate; the first group lives in the one with many hits.
  const Stratum strata[] = {{80, 100, 8, 10}, {1, 10, 10, 100}};
  EXPECT_LT(exchange_tail(81, 110, 18, 110), 1e-6);
  EXPECT_GT(stratified_excess(strata).tail, 0.3);
  EXPECT_NEAR(stratified_excess(strata).expected, 81, 1);
}

TEST(Statistics, SumOfTrials) {
  const double two[] = {0.5, 0.2};
  const auto tail = trials_tail(two);
  ASSERT_EQ(tail.size(), 3u);
  EXPECT_NEAR(tail[0], 1, 1e-12);
  EXPECT_NEAR(tail[1], 0.6, 1e-12);
  EXPECT_NEAR(tail[2], 0.1, 1e-12);
}

TEST(Statistics, WilsonsInterval) {
  EXPECT_NEAR(share_low(50, 100), 0.4038, 1e-3);
  EXPECT_NEAR(share_high(50, 100), 0.5962, 1e-3);
  EXPECT_EQ(share_low(0, 0), 0);
  EXPECT_EQ(share_high(0, 0), 1);
}

}  // namespace
}  // namespace dvi
