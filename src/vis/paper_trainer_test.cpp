#include "vis/paper_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"

namespace dvi {
namespace {

/// Three clusters in 16 dimensions, 40 samples and 10 boundary samples between the first two; every sample is
/// joined to a few of its own cluster, and to boundary samples.
struct Fixture {
  static constexpr int64_t samples = 120, boundaries = 10, dim = 16;
  Matrix features{samples + boundaries, dim};
  EdgeList complex, boundary;
  Attention attention;

  explicit Fixture(uint64_t seed = 1) {
    Random random(seed);
    for (int64_t i = 0; i < samples + boundaries; ++i)
      for (int64_t d = 0; d < dim; ++d) {
        const double centre = i < samples ? 2 * (d % 3 == i / 40) : (d % 3 < 2);
        features(i, d) = static_cast<float>(centre + 0.2 * random.normal());
      }
    complex.begin.push_back(0);
    boundary.begin.push_back(0);
    for (int32_t i = 0; i < samples + boundaries; ++i) {
      for (int32_t step = 1; i < samples && step <= 4; ++step) {
        complex.target.push_back(i / 40 * 40 + (i + step * step) % 40);
        complex.weight.push_back(1.f / static_cast<float>(step));
      }
      complex.begin.push_back(complex.size());
      boundary.target.push_back(static_cast<int32_t>(samples) + i % 10);
      boundary.weight.push_back(0.5f);
      boundary.begin.push_back(boundary.size());
      attention.row.push_back(i % 2);
    }
    attention.table = Matrix(2, dim);
    for (int64_t d = 0; d < dim; ++d) {
      attention.table(0, d) = 1.f / dim;
      attention.table(1, d) = d == 3 ? 1 : 0;
    }
  }
  PaperTask task() const {
    return {.features = features,
            .samples = &complex,
            .boundary = &boundary,
            .attention = &attention,
            .seed = 5,
            .epoch = 1};
  }
};

PaperOptions quick() {
  PaperOptions options;
  options.batch = 50;
  options.most_passes = 6;
  options.precision = Precision::f32;
  return options;
}

TEST(PaperAutoencoder, IsHalfAsWideAsTheFeatures) {
  EXPECT_THAT(paper_autoencoder(512, 0).encoder.network.widths(),
              testing::ElementsAre(512, 256, 256, 256, 256, 2));
  EXPECT_THAT(paper_autoencoder(100, 0).decoder.network.widths(),
              testing::ElementsAre(2, 32, 32, 32, 32, 100));
  EXPECT_THAT(paper_autoencoder(2, 0).encoder.network.widths(), testing::ElementsAre(2, 2, 2, 2, 2, 2));
}

TEST(PaperTrainer, PullsClustersTogetherAndReconstructs) {
  set_threads(2);
  const Fixture fixture;
  auto options = quick();
  options.most_passes = 60;
  options.patience = 60;
  options.late_pass = 50;
  int64_t calls = 0;
  const auto result = train_paper(fixture.task(), options, [&](const PaperProgress& p) {
    ++calls;
    EXPECT_LE(p.step, p.steps_per_pass);
  });
  EXPECT_EQ(calls, result.steps);
  EXPECT_EQ(result.passes.size(), 60u);
  EXPECT_LT(result.passes.back().umap, 0.5 * result.passes.front().umap);
  EXPECT_LT(result.passes.back().reconstruction, 0.3 * result.passes.front().reconstruction);
  EXPECT_EQ(result.passes.back().temporal, 0);

  Matrix positions(Fixture::samples + Fixture::boundaries, 2);
  result.model.encoder.apply(fixture.features, positions.mut());
  double within = 0, between = 0;
  for (int64_t i = 0; i < 120; ++i)
    for (int64_t j = 0; j < i; ++j) {
      const double d = std::hypot(positions(i, 0) - positions(j, 0), positions(i, 1) - positions(j, 1));
      (i / 40 == j / 40 ? within : between) += d / (i / 40 == j / 40 ? 3 * 780 : 3 * 1600);
    }
  EXPECT_GT(between, 2 * within);
}

TEST(PaperTrainer, SameSeedAndThreadsGiveTheSameResult) {
  const Fixture fixture;
  for (const int count : {1, 3}) {
    set_threads(count);
    const auto first = train_paper(fixture.task(), quick()), second = train_paper(fixture.task(), quick());
    EXPECT_THAT(first.model.encoder.network.parameters(),
                testing::ElementsAreArray(second.model.encoder.network.parameters()));
    auto other = fixture.task();
    other.epoch = 2;
    const auto third = train_paper(other, quick());
    EXPECT_NE(first.model.encoder.network.parameters()[0], third.model.encoder.network.parameters()[0]);
  }
}

TEST(PaperTrainer, ThreadsChangeTheResultByRoundingOnly) {
  const Fixture fixture;
  auto options = quick();
  options.most_passes = 1;
  set_threads(1);
  const auto one = train_paper(fixture.task(), options);
  set_threads(3);
  const auto three = train_paper(fixture.task(), options);
  EXPECT_NEAR(one.passes[0].umap, three.passes[0].umap, 1e-5);
  EXPECT_NEAR(one.passes[0].reconstruction, three.passes[0].reconstruction, 1e-5);
}

TEST(PaperTrainer, StartsFromThePreviousEpochAndIsHeldThere) {
  set_threads(2);
  const Fixture before(1), now(2);
  const auto first = train_paper(before.task(), quick());
  const auto distance = [&](double npr) {
    auto task = now.task();
    task.previous = &first.model;
    task.mean_npr = npr;
    auto options = quick();
    options.most_passes = options.patience = 40;
    options.temporal_weight = 10;  // these few, noisy steps hardly notice 0.3
    const auto result = train_paper(task, options);
    double square = 0;
    const auto a = first.model.encoder.network.parameters(), b = result.model.encoder.network.parameters();
    for (size_t i = 0; i < a.size(); ++i) square += std::pow(a[i] - b[i], 2);
    EXPECT_EQ(result.passes.back().temporal > 0, npr > 0);
    return std::sqrt(square);
  };
  const double loose = distance(0), held = distance(1);
  EXPECT_LT(held, 0.6 * loose);
  EXPECT_GT(held, 0);
}

TEST(PaperTrainer, StopsWhenPassesNoLongerImprove) {
  set_threads(1);
  const Fixture fixture;
  auto options = quick();
  options.most_passes = 50;
  options.patience = 3;
  options.least_improvement = 200;  // even the first pass does not improve that much on 100
  const auto result = train_paper(fixture.task(), options);
  EXPECT_EQ(result.passes.size(), 4u);
  // 2 passes' weights: 120 * (1 + 1/2 + 1/3 + 1/4) + 130 * 0.5 = 315 edges a pass, of 50
  EXPECT_EQ(result.steps, 4 * 7);
}

TEST(PaperTrainer, SaysWhatIsWrong) {
  const Fixture fixture;
  const EdgeList none{{0}, {}, {}};
  auto task = fixture.task();
  task.samples = task.boundary = &none;
  EXPECT_THAT([&] { train_paper(task, quick()); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("both complexes are empty")));
  task = fixture.task();
  task.features = task.features.slice(0, 125);
  EXPECT_THAT([&] { train_paper(task, quick()); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("there are 0 to 129")));
  auto huge = fixture;
  huge.features(0, 0) = 3e38f;
  EXPECT_THAT([&] { train_paper(huge.task(), quick()); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("diverged")));
  const auto narrow = paper_autoencoder(8, 1);
  task = fixture.task();
  task.previous = &narrow;
  EXPECT_THAT([&] { train_paper(task, quick()); },
              testing::ThrowsMessage<Error>("the features have dimension 16, but the epoch before had 8"));
}

}  // namespace
}  // namespace dvi
