#include "causes/causes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/random.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

constexpr int64_t train_count = 300, test_count = 100, dim = 6;
constexpr int class_count = 3;
constexpr double rate = 0.002;

/// Softmax regression over fixed features by full-batch gradient descent, recorded after `steps` steps each:
/// here what each train sample contributed is known exactly. Rows 0 to `wrong` - 1 carry the next class's
/// label.
class LinearTraining {
 public:
  explicit LinearTraining(const std::filesystem::path& folder, int64_t wrong = 0, int steps = 1,
                          int epochs = 3, std::optional<int32_t> without = {})
      : features_(train_count + test_count, dim), weight_(class_count, dim + 1) {
    Random random(5);
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < features_.rows(); ++i) {
      const auto c = static_cast<int32_t>(i % class_count);
      for (int64_t j = 0; j < dim; ++j)
        features_(i, j) = static_cast<float>((j == c ? 1.5 : 0) + random.normal());
      labels.push_back(i < wrong ? (c + 1) % class_count : c);
    }
    labels_ = labels;
    Manifest manifest;
    manifest.name = "linear";
    manifest.classes = {"a", "b", "c"};
    manifest.feature_dim = dim;
    manifest.groups = {{"train", "train", 0, train_count}, {"test", "test", train_count, test_count}};
    manifest.subject = SubjectKind::linear_head;
    RunWriter writer(folder, manifest);
    writer.labels(labels);
    writer.begin();
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      record(writer, epoch);
      for (int step = 0; step < steps; ++step) descend(without);
    }
    writer.finish();
  }

  Matrix logits() const {
    Matrix l(features_.rows(), class_count);
    for (int64_t i = 0; i < l.rows(); ++i)
      for (int64_t c = 0; c < class_count; ++c) {
        double sum = weight_(c, dim);
        for (int64_t j = 0; j < dim; ++j) sum += double{weight_(c, j)} * features_(i, j);
        l(i, c) = static_cast<float>(sum);
      }
    return l;
  }
  const Matrix& features() const { return features_; }
  const std::vector<int32_t>& labels() const { return labels_; }

 private:
  void record(RunWriter& writer, int epoch) {
    EpochWriter e = writer.epoch(epoch);
    Matrix weight(class_count, dim);
    std::vector<float> bias;
    for (int64_t c = 0; c < class_count; ++c) {
      for (int64_t j = 0; j < dim; ++j) weight(c, j) = weight_(c, j);
      bias.push_back(weight_(c, dim));
    }
    e.features(features_);
    e.logits(logits());
    e.linear_head(weight, bias);
    e.commit({});
  }
  void descend(std::optional<int32_t> without) {
    const Matrix l = logits();
    for (int32_t z = 0; z < train_count; ++z) {
      if (z == without) continue;
      double sum = 0;
      for (int64_t c = 0; c < class_count; ++c) sum += std::exp(double{l(z, c)});
      for (int64_t c = 0; c < class_count; ++c) {
        const double r = (labels_[static_cast<size_t>(z)] == c) - std::exp(double{l(z, c)}) / sum;
        for (int64_t j = 0; j <= dim; ++j)
          weight_(c, j) += static_cast<float>(rate * r * (j < dim ? features_(z, j) : 1));
      }
    }
  }

  Matrix features_, weight_;
  std::vector<int32_t> labels_;
};

double margin(MatrixView logits, const Change& c) {
  return double{logits(c.sample, c.to_class)} - logits(c.sample, c.from_class);
}

TEST(Causes, OneStepOfDescentIsExplainedExactly) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run");
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  const RecordedRows before = *run.epoch(2).logits(), after = *run.epoch(3).logits();
  for (const int32_t x : {300, 311, 350, 5}) {
    const Change change{x, 2, 3, 0, 1};
    const Explanation e = causes.explain(change, train_count);
    const double moved = margin(after, change) - margin(before, change);
    EXPECT_NEAR(e.margin_change, moved, 1e-5);
    EXPECT_NEAR(e.predicted_change, moved, 0.05 * std::abs(moved) + 1e-3);
    // Features stand still, so the heads explain everything.
    ASSERT_TRUE(e.explained);
    EXPECT_NEAR(*e.explained, 1, 1e-3);
    // Each push is rate * kernel * residual.
    double towards = 0;
    std::map<int32_t, double> expected;
    for (int32_t z = 0; z < train_count; ++z) {
      double kernel = 1, sum = 0;
      for (int64_t j = 0; j < dim; ++j)
        kernel += double{training.features()(x, j)} * training.features()(z, j);
      for (int c = 0; c < class_count; ++c) sum += std::exp(double{before(z, c)});
      const auto residual = [&](int c) {
        return (training.labels()[static_cast<size_t>(z)] == c) - std::exp(double{before(z, c)}) / sum;
      };
      expected[z] = kernel * (residual(1) - residual(0));
      towards += std::max(0.0, expected[z]);
    }
    ASSERT_GT(e.pushers.size(), 20u);
    for (size_t k = 0; k < 20; ++k)
      EXPECT_NEAR(e.pushers[k].share * towards / expected[e.pushers[k].id], 1, 0.1);
    for (size_t k = 1; k < e.pushers.size(); ++k) EXPECT_GE(e.pushers[k - 1].share, e.pushers[k].share);
  }
}

TEST(Causes, BlamedSamplesAreThoseWhoseRemovalUndoesTheChange) {
  // Many steps between epochs; the truth is training again without the sample.
  TemporaryFolder folder;
  LinearTraining all(folder / "all", 40, 6, 2);
  const dvi::Run run = dvi::Run::open(folder / "all");
  const Causes causes(run);
  const Change change{320, 1, 2, 0, 1};
  const Explanation e = causes.explain(change, train_count);
  double covariance = 0, by_share = 0, by_effect = 0;
  for (size_t k = 0; k < e.pushers.size(); k += 10) {
    TemporaryFolder other;
    LinearTraining less(other / "run", 40, 6, 2, e.pushers[k].id);
    const RecordedRows with = *run.epoch(2).logits(),
                       without = *dvi::Run::open(other / "run").epoch(2).logits();
    const double effect = margin(with, change) - margin(without, change);
    covariance += effect * e.pushers[k].share;
    by_share += e.pushers[k].share * e.pushers[k].share;
    by_effect += effect * effect;
  }
  EXPECT_GT(covariance / std::sqrt(by_share * by_effect), 0.95);
}

TEST(Causes, WrongLabelsAreBlamedForWhatTheyPush) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 60, 10, 4);  // a fifth of the labels is the next class's
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  double wrong = 0, all = 0;
  for (int32_t x = 300; x < 400; x += 3) {
    const int32_t truth = x % class_count;
    const Explanation e = causes.explain({x, 3, 4, truth, (truth + 1) % class_count}, 10);
    for (const Pusher& p : e.pushers)
      if (training.labels()[static_cast<size_t>(p.id)] == (truth + 1) % class_count) {
        wrong += p.id < 60;
        ++all;
      }
  }
  EXPECT_GT(wrong / all, 0.5);  // chance: .2
}

TEST(Causes, StepsInBetweenAddUp) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 30, 2, 4);
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  double sum = 0;
  for (int epoch = 1; epoch < 4; ++epoch)
    sum += causes.explain({305, epoch, epoch + 1, 1, 2}).predicted_change;
  EXPECT_NEAR(causes.explain({305, 1, 4, 1, 2}).predicted_change, sum, 1e-4);
}

TEST(Causes, OnlySamplesOfTheTrainingSetPush) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 0, 2, 3);
  for (const int epoch : {2, 3}) {
    std::vector<int32_t> ids;
    for (int32_t z = epoch; z < train_count; z += 7) ids.push_back(z);
    write_npy(folder / "run" / "epochs" / epoch_folder_name(epoch) / "training_set.npy", ids);
  }
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  const auto in_set = [](int32_t id, int epoch) { return id % 7 == epoch; };
  for (const Pusher& p : causes.explain({305, 1, 3, 0, 1}, train_count).pushers)
    EXPECT_TRUE(in_set(p.id, 2) || in_set(p.id, 3)) << p.id;
  for (const Pusher& p : causes.explain({305, 2, 3, 0, 1}, train_count).pushers)
    EXPECT_TRUE(in_set(p.id, 3)) << p.id;
}

TEST(Causes, OppositeDirectionsMirrorEachOther) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 30, 2, 3);
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  const Explanation there = causes.explain({310, 1, 2, 0, 2}), back = causes.explain({310, 1, 2, 2, 0});
  EXPECT_FLOAT_EQ(static_cast<float>(there.predicted_change), static_cast<float>(-back.predicted_change));
  ASSERT_EQ(there.pushers.size(), back.against.size());
  for (size_t k = 0; k < there.pushers.size(); ++k) EXPECT_EQ(there.pushers[k].id, back.against[k].id);
}

TEST(Causes, ManyTogetherAreTheMeanOfEach) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 60, 8, 3);
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  std::vector<int32_t> all(train_count + test_count);
  std::iota(all.begin(), all.end(), 0);
  const RecordedRows before = *run.epoch(1).logits(), after = *run.epoch(2).logits();
  const auto predicted = [](MatrixView logits, int32_t i) {
    return std::max_element(logits.row(i), logits.row(i) + class_count) - logits.row(i);
  };
  std::vector<Change> changes;
  for (const int32_t i : all)
    if (predicted(before, i) != predicted(after, i))
      changes.push_back(
          {i, 1, 2, static_cast<int32_t>(predicted(before, i)), static_cast<int32_t>(predicted(after, i))});
  ASSERT_GT(changes.size(), 10u);
  std::vector<double> mean(train_count, 0);
  for (const Explanation& e : causes.explain(changes, train_count))
    for (const Pusher& p : e.pushers)
      mean[static_cast<size_t>(p.id)] += p.share / static_cast<double>(changes.size());
  const CommonCauses common = causes.common(all, 1, 2, train_count);
  EXPECT_EQ(common.changed, static_cast<int64_t>(changes.size()));
  EXPECT_EQ(common.samples, common.changed);
  for (const Pusher& p : common.pushers) EXPECT_NEAR(p.share, mean[static_cast<size_t>(p.id)], 1e-4);
  for (size_t k = 1; k < common.pushers.size(); ++k)
    EXPECT_GE(common.pushers[k - 1].share, common.pushers[k].share);

  const Causes::MeanShares means = causes.mean_shares(all, 1, 2);
  EXPECT_EQ(means.changed, common.changed);
  ASSERT_EQ(means.shares.size(), all.size());
  std::vector<double> net = mean;
  for (const Explanation& e : causes.explain(changes, train_count))
    for (const Pusher& p : e.against)
      net[static_cast<size_t>(p.id)] -= p.share / static_cast<double>(changes.size());
  for (size_t z = 0; z < all.size(); ++z) EXPECT_NEAR(means.shares[z], z < train_count ? net[z] : 0, 1e-4);
  const auto still = causes.mean_shares({}, 1, 2);
  EXPECT_EQ(still.changed, 0);
  EXPECT_EQ(still.shares, std::vector<float>(all.size(), 0.f));
}

TEST(Causes, SaysWhenItDoesNotKnow) {
  EXPECT_EQ(HitRate{}.rate(), std::nullopt);
  EXPECT_EQ((HitRate{3, 4}.rate()), 0.75);
  EXPECT_LT((HitRate{3, 4}.lower_bound()), 0.5);  // four flips say little
  EXPECT_GT((HitRate{75, 100}.lower_bound()), 0.5);
  EXPECT_LT((HitRate{55, 100}.lower_bound()), 0.5);
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 0, 1, 2);
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  const Explanation backwards = causes.explain({300, 1, 2, 0, 1});
  EXPECT_FALSE(backwards.known() && backwards.predicted_change * backwards.margin_change < 0);
  EXPECT_EQ(backwards.known(), backwards.doubt.empty());
}

TEST(Causes, ErrorsNameWhatIsWrong) {
  TemporaryFolder folder;
  LinearTraining training(folder / "run", 0, 1, 3);
  const dvi::Run run = dvi::Run::open(folder / "run");
  const Causes causes(run);
  EXPECT_THAT(error_of([&] { (void)causes.change_of(400); }), testing::HasSubstr("--sample 400"));
  EXPECT_THAT(error_of([&] { (void)causes.change_of(1, 7); }), testing::HasSubstr("--from 7"));
  EXPECT_THAT(error_of([&] { (void)causes.change_of(1, 3, 1); }), testing::HasSubstr("expected an"));
  EXPECT_THAT(error_of([&] { (void)causes.explain({1, 1, 9, 0, 1}); }), testing::HasSubstr("--to 9"));
  TemporaryFolder one;
  LinearTraining single(one / "run", 0, 1, 1);
  const dvi::Run alone = dvi::Run::open(one / "run");
  EXPECT_THAT(error_of([&] { Causes of_one(alone); }), testing::HasSubstr("at least two recorded epochs"));
}

}  // namespace
}  // namespace dvi
