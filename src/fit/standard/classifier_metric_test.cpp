#include "fit/standard/classifier_metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "project/margin_ranks.h"
#include "vis/divergence.h"

namespace dvi {
namespace {

/// Samples of two classes that lie on top of each other in feature space.
struct Mixed {
  static constexpr int64_t n = 300;
  SampleSets sets;
  EpochData data;

  explicit Mixed(bool separable) {
    sets.train.resize(n);
    std::iota(sets.train.begin(), sets.train.end(), 0);
    Random random(7);
    Matrix features(n, 5);
    Matrix logits(n, 3);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t l = 0; l < 5; ++l)
        features(i, l) = static_cast<float>(random.normal() +
                                            (separable && l == 0 ? 30.0 * static_cast<double>(i % 2) : 0));
      logits(i, i % 2) = static_cast<float>(4 + random.uniform());
    }
    data.features = std::move(features);
    data.logits = std::move(logits);
    data.verdicts = judge(data.logits.view());
    data.train_to_train = exact_neighbors(data.features, data.features, candidate_k, true);
  }
  double agreement(const Neighbors& near) const {
    double same = 0;
    for (int64_t i = 0; i < n; ++i)
      for (const int32_t j : near.row(i).first(static_cast<size_t>(fit_k))) same += (i - j) % 2 == 0;
    return same / static_cast<double>(n * fit_k);
  }
};

TEST(ClassifierMetric, ChoosesNeighboursOfTheSameClassWhereTheyDisagree) {
  const Mixed mixed(false);
  const LayoutNeighbors near = layout_neighbors(mixed.sets, mixed.data, {});
  EXPECT_NEAR(near.disagreement, 0.5, 0.05);
  EXPECT_NEAR(near.strength, std::pow(near.disagreement / StandardOptions().usual_disagreement, 4), 1e-9);
  EXPECT_EQ(near.train_to_train.k, fit_k);
  EXPECT_GT(mixed.agreement(near.train_to_train), 0.95);
  // All of them are among the candidates, nearest first.
  for (int64_t i = 0; i < Mixed::n; ++i) {
    const auto candidates = mixed.data.train_to_train.row(i);
    for (const int32_t j : near.train_to_train.row(i))
      EXPECT_NE(std::ranges::find(candidates, j), candidates.end());
    EXPECT_TRUE(std::ranges::is_sorted(near.train_to_train.distances(i)));
  }
}

TEST(ClassifierMetric, FollowsTheFeaturesAloneWhereNothingElseIsAsked) {
  const Mixed mixed(true);
  StandardOptions options;
  options.class_weight = options.margin_rank_weight = 0;
  const LayoutNeighbors near = layout_neighbors(mixed.sets, mixed.data, options);
  EXPECT_EQ(near.disagreement, 0);
  EXPECT_EQ(near.strength, 1);
  for (int64_t i = 0; i < Mixed::n; ++i)
    EXPECT_TRUE(
        std::ranges::equal(near.train_to_train.row(i), mixed.data.train_to_train.row(i).first(fit_k)));
}

// Of 200 classes the likeliest are kept only. From hardly decided samples to very decided ones, distances are
// those of the whole distributions to within two hundredths, though these weigh ten times as much as usual.
TEST(ClassifierMetric, ManyClassesAreComparedAsIfAllWereKept) {
  constexpr int64_t n = 300, classes = 200;
  Mixed mixed(false);
  Random random(8);
  Matrix logits(n, classes);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < classes; ++c)
      logits(i, c) = static_cast<float>(random.normal() * std::pow(4.0, static_cast<double>(i % 3) - 1));
  mixed.data.logits = std::move(logits);
  mixed.data.verdicts = judge(mixed.data.logits.view());
  StandardOptions options;
  options.usual_disagreement = 1;  // strength 1
  options.class_weight = 2;
  const LayoutNeighbors near = layout_neighbors(mixed.sets, mixed.data, options);

  const MatrixView features = mixed.data.features, said = mixed.data.logits;
  std::vector<double> mean(5, 0);
  double variance = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t l = 0; l < 5; ++l) mean[static_cast<size_t>(l)] += features(i, l) / n;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t l = 0; l < 5; ++l)
      variance += std::pow(features(i, l) - mean[static_cast<size_t>(l)], 2) / n;
  Matrix shares(n, classes);
  const double sharp = sharpness(said);
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(sharp * said(i, c));
    for (int64_t c = 0; c < classes; ++c)
      shares(i, c) = static_cast<float>(std::exp(sharp * said(i, c)) / sum);
  }
  const MarginRanks ranks(mixed.data.verdicts, mixed.sets.train);
  const auto rank = [&](int64_t i) { return ranks.of(mixed.data.verdicts[static_cast<size_t>(i)].margin); };
  for (int64_t i = 0; i < n; ++i)
    for (size_t r = 0; r < static_cast<size_t>(fit_k); ++r) {
      const int32_t j = near.train_to_train.row(i)[r];
      double square = std::pow(options.margin_rank_weight * (rank(i) - rank(j)), 2);
      for (int64_t l = 0; l < 5; ++l) square += std::pow(features(i, l) - features(j, l), 2) / variance;
      for (int64_t c = 0; c < classes; ++c)
        square += std::pow(options.class_weight * (shares(i, c) - shares(j, c)), 2);
      EXPECT_NEAR(near.train_to_train.distances(i)[r] / std::sqrt(square), 1, 0.02);
    }
}

TEST(MarginRanks, AreSharesOfTheTrainSamples) {
  const std::vector<Verdict> verdicts = {{0, 1, 0, 0.1f}, {0, 1, 0, 0.3f}, {0, 1, 0, 0.2f}, {0, 1, 0, 0.9f}};
  const std::vector<int32_t> ids = {0, 1, 2};
  const MarginRanks ranks(verdicts, ids);
  EXPECT_EQ(ranks.of(0.05f), 0);
  EXPECT_NEAR(ranks.of(0.25f), 2.0 / 3, 1e-6);
  EXPECT_EQ(ranks.of(0.9f), 1);
}

}  // namespace
}  // namespace dvi
