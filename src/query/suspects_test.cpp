#include "query/suspects.h"

#include <gmock/gmock.h>

#include <set>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::HasSubstr;

class SuspectsTest : public ::testing::Test {
 protected:
  dvi::Run make(double noisy, std::vector<int> epochs = {1, 2, 3, 4, 5, 6}) {
    TestRunOptions options;
    options.train = 1000, options.test = 100, options.classes = 5, options.noisy = noisy,
    options.images = false;
    options.epochs = epochs, options.fitted = epochs;
    return make_test_run(folder_ / "run", options);
  }
  TemporaryFolder folder_;
};

TEST_F(SuspectsTest, FindsWrongLabels) {
  const dvi::Run run = make(0.1);
  const auto noisy = run.column("is_noisy");
  const auto total = static_cast<size_t>(std::count(noisy.begin(), noisy.end(), 1.f));
  const SuspectRanking ranking(run, View::open(run, "default"));
  // The list also holds ambiguous and unstable samples, which are worth a look but not wrongly labelled.
  const auto suspects = ranking.top(1100);
  size_t of_kind = 0, found = 0, found_anywhere = 0;
  for (size_t i = 0; i < suspects.size(); ++i) {
    const bool wrong = noisy[static_cast<size_t>(suspects[i].id)] == 1;
    found_anywhere += i < total && wrong;
    if (suspects[i].kind != "wrong label" || of_kind == total) continue;
    ++of_kind;
    found += wrong;
  }
  const double precision = static_cast<double>(found) / static_cast<double>(total);
  std::cout << total << " wrong labels among 1000: " << found << " of the first " << total
            << " suspects of that kind (" << found_anywhere << " of the first " << total
            << " of any kind), precision = recall " << precision << ", chance "
            << static_cast<double>(total) / 1100 << "\n";
  EXPECT_GT(precision, 0.75);
  for (size_t i = 1; i < suspects.size(); ++i) EXPECT_GE(suspects[i - 1].score, suspects[i].score);
  EXPECT_EQ(suspects[0].kind, "wrong label");
  EXPECT_THAT(suspects[0].reason, HasSubstr("labelled '"));
  EXPECT_THAT(suspects[0].reason, HasSubstr("nearest neighbours"));
}

TEST_F(SuspectsTest, RecordedLogitsMakeScoresExact) {
  const dvi::Run run = make(0.1);
  const auto estimated = SuspectRanking(run, View::open(run, "default")).top(1)[0];
  EXPECT_THAT(SuspectRanking(run, View::open(run, "default")).method(), HasSubstr("estimated"));
  for (const int number : run.epoch_numbers()) {
    const Matrix features = run.epoch(number).features();
    const NpyArray weight = NpyArray::open(run.epoch(number).folder() / "head_weight.npy");
    Matrix logits(features.rows(), 5);
    for (int64_t i = 0; i < logits.rows(); ++i)
      for (int64_t c = 0; c < 5; ++c)
        for (int64_t d = 0; d < features.cols(); ++d) logits(i, c) += features(i, d) * weight.matrix()(c, d);
    write_npy(run.epoch(number).folder() / "logits.npy", logits);
  }
  const SuspectRanking ranking(run, View::open(run, "default"));
  EXPECT_THAT(ranking.method(), ::testing::Not(HasSubstr("estimated")));
  // By hand for one sample.
  const Suspect suspect = ranking.top(1)[0];
  const auto label = static_cast<size_t>(run.labels()[static_cast<size_t>(suspect.id)]);
  double margin = 0, confidence = 0;
  for (const int number : run.epoch_numbers()) {
    const auto logits = *run.epoch(number).logit_row(suspect.id);
    float other = -1e9f, least = 1e9f, most = -1e9f;
    double sum = 0;
    for (size_t c = 0; c < 5; ++c) {
      if (c != label) other = std::max(other, logits[c]);
      least = std::min(least, logits[c]);
      most = std::max(most, logits[c]);
      sum += std::exp(static_cast<double>(logits[c]));
    }
    margin += (logits[label] - other) / (most - least) / 6;
    confidence += std::exp(static_cast<double>(logits[label])) / sum / 6;
  }
  EXPECT_NEAR(suspect.area_under_margin, margin, 1e-4);
  EXPECT_NEAR(suspect.confidence, confidence, 1e-4);
  EXPECT_LT(suspect.area_under_margin, 0);
  EXPECT_LT(estimated.area_under_margin, 0);
}

TEST_F(SuspectsTest, AnswersRankAgain) {
  const dvi::Run run = make(0.1);
  const SuspectRanking ranking(run, View::open(run, "default"));
  const auto before = ranking.top(1100);
  // The user cares for unstable trajectories only.
  std::vector<int32_t> accepted, rejected;
  for (const Suspect& suspect : before) {
    if (suspect.forgetting_events >= 2 && accepted.size() < 10) accepted.push_back(suspect.id);
    if (suspect.forgetting_events == 0 && rejected.size() < 30) rejected.push_back(suspect.id);
  }
  ASSERT_GE(accepted.size(), 5u);
  const auto after = ranking.top(1100, accepted, rejected);
  EXPECT_EQ(after.size(), before.size() - accepted.size() - rejected.size());
  for (const Suspect& suspect : after)
    for (const auto* judged : {&accepted, &rejected})
      EXPECT_EQ(std::count(judged->begin(), judged->end(), suspect.id), 0);
  const auto forgetting_in_first_50 = [](const std::vector<Suspect>& list) {
    double sum = 0;
    for (size_t i = 0; i < 50; ++i) sum += list[i].forgetting_events;
    return sum;
  };
  EXPECT_GT(forgetting_in_first_50(after), 1.5 * forgetting_in_first_50(before));
}

TEST_F(SuspectsTest, OneEpochIsEnough) {
  const dvi::Run run = make(0, {3});
  EXPECT_EQ(SuspectRanking(run, View::open(run, "default")).top(5000).size(), 1100u);
}

TEST_F(SuspectsTest, SamplesWithoutLabelAreNeverSuspected) {
  const dvi::Run recorded = make(0.1, {1, 2, 3});
  auto labels = recorded.labels();
  std::fill(labels.begin(), labels.begin() + 500, -1);
  write_npy(recorded.folder() / "labels.npy", labels);
  const dvi::Run run = dvi::Run::open(recorded.folder());
  const auto suspects = SuspectRanking(run, View::open(run, "default")).top(5000);
  EXPECT_EQ(suspects.size(), 600u);
  for (const Suspect& suspect : suspects) EXPECT_GE(suspect.id, 500);
}

}  // namespace
}  // namespace dvi
