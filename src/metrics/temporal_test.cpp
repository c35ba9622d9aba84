#include "metrics/temporal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "metrics/correlation.h"

namespace dvi {
namespace {

TEST(Correlation, PearsonOfLinesAndConstants) {
  const double x[] = {1, 2, 3, 4}, up[] = {3, 5, 7, 9}, down[] = {4, 3, 2, 1}, flat[] = {0.1, 0.1, 0.1, 0.1};
  EXPECT_NEAR(pearson(x, up), 1, 1e-12);
  EXPECT_NEAR(pearson(x, down), -1, 1e-12);
  EXPECT_EQ(pearson(x, flat), 0);
  const double y[] = {1, 3, 2, 5};
  EXPECT_NEAR(pearson(x, y), 5.5 / std::sqrt(5 * 8.75), 1e-12);
}

TEST(Correlation, SpearmanSeesOrderOnlyAndSharesRanks) {
  const double x[] = {1, 10, 100, 1000}, y[] = {2, 3, 5, 99};
  EXPECT_NEAR(spearman(x, y), 1, 1e-12);
  const double ties[] = {5, 1, 5, 0};
  EXPECT_THAT(ranks_of(ties), testing::ElementsAre(3.5, 2, 3.5, 1));
}

/// T epochs of n samples in 7 dimensions, with lists of 4 neighbours; the plane shows some of the movement.
struct History {
  History(size_t count, int64_t samples) : n(samples) {
    Random random(17);
    for (size_t e = 0; e < count; ++e) {
      features.emplace_back(n, 7);
      positions.emplace_back(n, 2);
      for (int64_t i = 0; i < 7 * n; ++i)
        features[e].data()[i] = (e ? features[e - 1].data()[i] : 0.f) + static_cast<float>(random.normal());
      for (int64_t i = 0; i < n; ++i)
        for (int64_t d = 0; d < 2; ++d)
          positions[e](i, d) = features[e](i, d) + static_cast<float>(random.normal());
      auto& lists = neighbors.emplace_back();
      for (int64_t i = 0; i < 4 * n; ++i)
        lists.push_back(static_cast<int32_t>(i % 4 * 3 + static_cast<int64_t>(random.below(3))));
    }
  }
  std::vector<TemporalEpoch> epochs(int64_t begin, int64_t end) const {
    std::vector<TemporalEpoch> out;
    for (size_t e = 0; e < features.size(); ++e)
      out.push_back({features[e].view().slice(begin, end - begin),
                     positions[e].view().slice(begin, end - begin),
                     std::span(neighbors[e])
                         .subspan(static_cast<size_t>(4 * begin), static_cast<size_t>(4 * (end - begin)))});
    return out;
  }
  TemporalMetrics metrics() const {
    TemporalSums sums;
    sums.add(epochs(0, n), 4);
    return sums.metrics();
  }
  double between(const std::vector<Matrix>& space, size_t a, size_t b, int64_t i) const {
    double sum = 0;
    for (int64_t d = 0; d < space[a].cols(); ++d)
      sum += std::pow(double{space[a](i, d)} - double{space[b](i, d)}, 2);
    return std::sqrt(sum);
  }
  int64_t n;
  std::vector<Matrix> features, positions;
  std::vector<std::vector<int32_t>> neighbors;
};

double slow_tlr(const History& h, size_t begin, size_t end) {
  double sum = 0;
  for (int64_t i = 0; i < h.n; ++i)
    for (size_t e = begin; e < end; ++e) {
      std::vector<double> x, y;
      for (size_t o = begin; o < end; ++o)
        if (o != e) x.push_back(h.between(h.features, e, o, i)), y.push_back(h.between(h.positions, e, o, i));
      sum += spearman(x, y);
    }
  return sum / static_cast<double>(h.n) / static_cast<double>(end - begin);
}

TEST(TemporalMetrics, AreTheDefinitions) {
  const History h(11, 30);  // thirds of 4, 3 and 4 epochs
  const auto metrics = h.metrics();
  EXPECT_EQ(metrics.count, 30);
  const double early = slow_tlr(h, 0, 4), middle = slow_tlr(h, 4, 7), late = slow_tlr(h, 7, 11);
  EXPECT_NEAR(*metrics.tlr_early, early, 1e-9);
  EXPECT_NEAR(*metrics.tlr_middle, middle, 1e-9);
  EXPECT_NEAR(*metrics.tlr_late, late, 1e-9);
  EXPECT_NEAR(*metrics.tlr, (4 * early + 3 * middle + 4 * late) / 11, 1e-9);

  double correlation = 0, nearest = 0;
  for (int64_t i = 0; i < h.n; ++i) {
    std::vector<double> kept, moved;
    for (size_t e = 1; e < 11; ++e) {
      double both = 0;
      for (int64_t a = 0; a < 4; ++a)
        for (int64_t b = 0; b < 4; ++b)
          both += h.neighbors[e][static_cast<size_t>(4 * i + a)] ==
                  h.neighbors[e - 1][static_cast<size_t>(4 * i + b)];
      kept.push_back(both / 4);
      moved.push_back(h.between(h.positions, e - 1, e, i));
    }
    correlation += pearson(kept, moved);
    for (size_t e = 0; e < 11; ++e) {
      const auto nearest_of = [&](const std::vector<Matrix>& space) {
        std::vector<std::pair<double, size_t>> all;
        for (size_t o = 0; o < 11; ++o)
          if (o != e) all.emplace_back(h.between(space, e, o, i), o);
        std::sort(all.begin(), all.end());
        return std::vector<size_t>{all[0].second, all[1].second, all[2].second};
      };
      for (const size_t a : nearest_of(h.features))
        for (const size_t b : nearest_of(h.positions)) nearest += a == b;
    }
  }
  EXPECT_NEAR(*metrics.temporal_pearson, correlation / 30, 1e-7);
  EXPECT_NEAR(*metrics.tnn_3, nearest / 30 / 11, 1e-9);
  EXPECT_NEAR(*metrics.tnn_3_chance, 0.9, 1e-12);
}

TEST(TemporalMetrics, DoNotDependOnHowSamplesAreAdded) {
  const History h(9, 50);
  TemporalSums sums;
  sums.add(h.epochs(0, 13), 4);
  sums.add(h.epochs(13, 50), 4);
  const auto parts = sums.metrics(), whole = h.metrics();
  EXPECT_EQ(parts.count, 50);
  EXPECT_NEAR(*parts.tlr, *whole.tlr, 1e-12);
  EXPECT_NEAR(*parts.temporal_pearson, *whole.temporal_pearson, 1e-12);
  EXPECT_NEAR(*parts.tnn_3, *whole.tnn_3, 1e-12);
}

TEST(TemporalMetrics, OfAFaithfulPictureAreAtTheTop) {
  History h(9, 40);
  for (size_t e = 0; e < 9; ++e)
    for (int64_t i = 0; i < 40; ++i) {
      for (int64_t d = 2; d < 7; ++d) h.features[e](i, d) = 0;
      for (int64_t d = 0; d < 2; ++d) h.positions[e](i, d) = 3 * h.features[e](i, d);
    }
  const auto metrics = h.metrics();
  EXPECT_NEAR(*metrics.tlr, 1, 1e-9);
  EXPECT_NEAR(*metrics.tnn_3, 3, 1e-9);
}

TEST(TemporalMetrics, OfMovingWhenNeighboursChangeIsNegative) {
  History h(6, 20);
  for (size_t e = 0; e < 6; ++e)
    for (int64_t i = 0; i < 20; ++i) {
      const bool moved = (e + static_cast<size_t>(i)) % 2 == 0;  // at this epoch
      for (size_t j = 0; j < 4; ++j)
        h.neighbors[e][static_cast<size_t>(4 * i) + j] =
            moved || e == 0 ? static_cast<int32_t>(100 * e + j)
                            : h.neighbors[e - 1][static_cast<size_t>(4 * i) + j];
      h.positions[e](i, 0) = (e ? h.positions[e - 1](i, 0) : 0.f) + (moved ? 1.f : 0.f);
      h.positions[e](i, 1) = 0;
    }
  EXPECT_NEAR(*h.metrics().temporal_pearson, -1, 1e-9);
}

TEST(TemporalMetrics, AreAbsentWhereThereAreTooFewEpochs) {
  EXPECT_FALSE(History(2, 5).metrics().temporal_pearson);
  const auto four = History(4, 5).metrics();
  EXPECT_TRUE(four.temporal_pearson);
  EXPECT_FALSE(four.tlr);  // thirds of 1, 2 and 1
  EXPECT_FALSE(four.tnn_3);
  const auto seven = History(7, 5).metrics();  // thirds of 2, 3 and 2
  EXPECT_FALSE(seven.tlr_early);
  EXPECT_EQ(*seven.tlr, *seven.tlr_middle);
  EXPECT_TRUE(seven.tnn_3);
  EXPECT_FALSE(TemporalSums().metrics().tlr);
}

TEST(TemporalMetrics, RefuseArraysThatDoNotFit) {
  const History h(4, 6);
  auto epochs = h.epochs(0, 6);
  epochs[2].positions.rows = 5;
  TemporalSums sums;
  EXPECT_THROW(sums.add(epochs, 4), Error);
  EXPECT_THROW(sums.add(h.epochs(0, 6), 3), Error);
}

}  // namespace
}  // namespace dvi
