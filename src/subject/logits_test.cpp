#include "subject/logits.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

TEST(Logits, FindsPredictionRunnerUpConfidenceAndMargin) {
  const std::vector<float> logits{1.f, 5.f, 4.f, -3.f};
  const Verdict v = judge(logits);
  EXPECT_EQ(v.prediction, 1);
  EXPECT_EQ(v.runner_up, 2);
  EXPECT_FLOAT_EQ(v.margin, (5.f - 4.f) / (5.f + 3.f));
  const double sum = std::exp(1.) + std::exp(5.) + std::exp(4.) + std::exp(-3.);
  EXPECT_NEAR(v.confidence, std::exp(5.) / sum, 1e-6);
  EXPECT_NEAR(probability(logits, 2), std::exp(4.) / sum, 1e-6);
}

TEST(Logits, RunnerUpBeforeThePrediction) {
  const Verdict v = judge(std::vector<float>{2.f, 3.f});
  EXPECT_EQ(v.prediction, 1);
  EXPECT_EQ(v.runner_up, 0);
  // With two classes the runner-up is the least, so the margin is the difference of the probabilities.
  EXPECT_FLOAT_EQ(v.margin, std::tanh(0.5f));
}

TEST(Logits, EqualLogitsHaveNoMarginAndPredictTheFirstClass) {
  const Verdict v = judge(std::vector<float>{7.f, 7.f, 7.f});
  EXPECT_EQ(v.prediction, 0);
  EXPECT_EQ(v.runner_up, 1);
  EXPECT_EQ(v.margin, 0.f);
  EXPECT_NEAR(v.confidence, 1. / 3, 1e-6);
}

TEST(Logits, LargeLogitsDoNotOverflow) {
  const Verdict v = judge(std::vector<float>{9000.f, -9000.f, 8999.f});
  EXPECT_EQ(v.prediction, 0);
  EXPECT_NEAR(v.confidence, 1 / (1 + std::exp(-1.)), 1e-6);
}

TEST(Logits, ManyRowsAreJudgedOneByOne) {
  Matrix logits(5000, 3);
  for (int64_t i = 0; i < logits.rows(); ++i) logits(i, i % 3) = 1.f + static_cast<float>(i);
  const auto verdicts = judge(logits.view());
  ASSERT_EQ(verdicts.size(), 5000u);
  for (int64_t i = 0; i < logits.rows(); ++i) EXPECT_EQ(verdicts[static_cast<size_t>(i)].prediction, i % 3);
}

}  // namespace
}  // namespace dvi
