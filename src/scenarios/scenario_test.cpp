// Every scenario, tiny: what it records is a good run and holds what the scenario is about.
#include "scenarios/scenario.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "run/check.h"
#include "run/inputs.h"
#include "run/testing/test_run.h"
#include "subject/subject_model.h"

namespace dvi {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ScenarioTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(default_image_folder))
      GTEST_SKIP() << "needs Debian's dataset-fashion-mnist";
  }

  dvi::Run record(const std::string& name, ScenarioOptions options) {
    options.out = folder_ / fmt::format("run{}", runs_++);
    options.quick = true;
    record_scenario(name, options);
    EXPECT_THAT(check_run(options.out).problems, IsEmpty());
    dvi::Run run = dvi::Run::open(options.out);
    EXPECT_TRUE(run.finished());
    EXPECT_EQ(read_json(options.out / "scenario.json"), to_json(name, options));
    return run;
  }
  static double scalar(const dvi::Run& run, int epoch, const char* name) {
    return run.epoch(epoch).scalars().at(name).get<double>();
  }
  static ScenarioOptions tiny(int64_t samples, int epochs) {
    ScenarioOptions options;
    options.samples = samples;
    options.epochs = epochs;
    return options;
  }

  TemporaryFolder folder_;
  int runs_ = 0;
};

TEST_F(ScenarioTest, StandardLearnsAndItsFilesBelongTogether) {
  const dvi::Run run = record("standard", tiny(600, 4));
  EXPECT_EQ(run.manifest().sample_count(), 700);
  EXPECT_EQ(run.manifest().feature_dim, 512);
  EXPECT_EQ(run.epoch_numbers().size(), 4u);
  EXPECT_LT(scalar(run, 1, "test_accuracy"), 0.5);
  EXPECT_GT(scalar(run, 4, "test_accuracy"), 0.6);
  // What the recorded model makes of the recorded inputs is what is recorded.
  const Epoch epoch = run.epoch(3);
  const auto subject = open_subject(run, epoch);
  const InputReader inputs(run);
  const std::vector<int32_t> ids{0, 5, 650};
  Matrix features(3, 512), logits(3, 10);
  subject->features(inputs.gather(ids), inputs.sample_shape(), features.mut());
  subject->head(features, logits.mut());
  const RecordedRows recorded = epoch.features(), recorded_logits = *epoch.logits();
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 512; ++j) EXPECT_NEAR(features(i, j), recorded(ids[i], j), 1e-4);
    for (int64_t c = 0; c < 10; ++c) EXPECT_NEAR(logits(i, c), recorded_logits(ids[i], c), 1e-4);
  }
}

TEST_F(ScenarioTest, TheSameSeedRecordsTheSame) {
  const dvi::Run a = record("standard", tiny(300, 2)), b = record("standard", tiny(300, 2));
  const Matrix x = a.epoch(2).features(), y = b.epoch(2).features();
  EXPECT_TRUE(std::equal(x.data(), x.data() + x.rows() * x.cols(), y.data()));
}

TEST_F(ScenarioTest, AdversarialRecordsTheAttackOfEachEpoch) {
  const dvi::Run run = record("adversarial", tiny(1200, 4));
  const Group& adversarial = run.manifest().groups[2];
  EXPECT_EQ(adversarial.role, "adversarial");
  EXPECT_EQ(scalar(run, 1, "adversarial_training"), 0);
  EXPECT_EQ(scalar(run, 4, "adversarial_training"), 1);
  const auto kept = [&](int epoch) {
    return scalar(run, epoch, "robust_accuracy") / scalar(run, epoch, "clean_accuracy");
  };
  EXPECT_LT(kept(1), 0.6);
  EXPECT_GT(kept(4), kept(1) + 0.1);

  // Its inputs are those of the test samples it names, moved by no more than the radius, and differ by epoch.
  const std::vector<float> source = run.column("source");
  const InputReader clean(run), moved(run, run.epoch(1)), later(run, run.epoch(4));
  std::vector<float> x(clean.sample_size()), y(x), z(x);
  bool differs = false;
  for (int64_t i = adversarial.begin; i < adversarial.end(); i += 7) {
    clean.read(static_cast<int64_t>(source[i]), x.data());
    moved.read(i, y.data());
    later.read(i, z.data());
    for (size_t p = 0; p < x.size(); ++p) ASSERT_LE(std::abs(x[p] - y[p]), 0.1f + 0.6f / 255);
    differs = differs || y != z;
  }
  EXPECT_TRUE(differs);
  // The column says what the classifier, run on those inputs, says.
  const auto robust = *run.epoch(1).column("robust_correct");
  EXPECT_EQ(std::count(robust.begin() + adversarial.begin, robust.end(), 2.f) / double(adversarial.count),
            scalar(run, 1, "robust_accuracy"));
  EXPECT_EQ(robust[0], 0);
}

TEST_F(ScenarioTest, NoisyLabelsTellWhichLabelsAreWrong) {
  const dvi::Run run = record("noisy-labels", tiny(600, 3));
  const auto original = run.column("original_label"), noisy = run.column("is_noisy");
  int64_t wrong = 0;
  for (size_t i = 0; i < 700; ++i) {
    EXPECT_EQ(noisy[i] == 1, static_cast<float>(run.labels()[i]) != original[i]);
    wrong += noisy[i] == 1;
    if (i >= 600) {
      EXPECT_EQ(noisy[i], 0);
    }
  }
  EXPECT_NEAR(static_cast<double>(wrong), 120, 40);
  EXPECT_LE(scalar(run, 3, "noisy_as_true_accuracy") + scalar(run, 3, "noisy_as_given_accuracy"), 1);
}

TEST_F(ScenarioTest, ActiveLearningAddsWhatItsStrategyChooses) {
  for (const char* strategy : {"random", "least-confidence", "coreset", "learning-loss"}) {
    SCOPED_TRACE(strategy);
    ScenarioOptions options = tiny(300, 3);
    options.strategy = strategy;
    const dvi::Run run = record("active-learning", options);
    std::set<int32_t> before;
    for (const int round : {1, 2, 3}) {
      const auto ids = *run.epoch(round).training_set();
      EXPECT_EQ(ids.size(), static_cast<size_t>(6 * round));
      const std::set now(ids.begin(), ids.end());
      EXPECT_EQ(now.size(), ids.size());
      EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end()));
      const auto column = *run.epoch(round).column("labelled_in_round");
      for (int32_t i = 0; i < 350; ++i) {
        const int labelled = static_cast<int>(column[i]);
        EXPECT_EQ(labelled > 0, now.contains(i));
        EXPECT_EQ(labelled == round, now.contains(i) && !before.contains(i));
      }
      // Those added next are the most uncertain ones that are left (coreset looks at what it chose before
      // too).
      if (round < 3 && std::string(strategy) != "coreset") {
        const auto uncertainty = *run.epoch(round).column("uncertainty");
        const auto next = *run.epoch(round + 1).training_set();
        const std::set chosen(next.begin(), next.end());
        float least = 1e9f, most_left = -1e9f;
        for (int32_t i = 0; i < 300; ++i) {
          if (now.contains(i)) continue;
          const float u = uncertainty[i];
          if (chosen.contains(i)) least = std::min(least, u);
          if (!chosen.contains(i)) most_left = std::max(most_left, u);
        }
        EXPECT_GE(least, most_left);
      }
      before = now;
    }
  }
}

TEST_F(ScenarioTest, ManyClassesArePairsOfImages) {
  const dvi::Run run = record("many-classes", tiny(600, 2));
  EXPECT_EQ(run.manifest().class_count(), 100);
  EXPECT_EQ(run.manifest().classes[13], "Trouser | Dress");
  EXPECT_EQ(InputReader(run).sample_shape(), (std::vector<int64_t>{1, 28, 56}));
}

TEST_F(ScenarioTest, AFolderInUseIsLeftAlone) {
  ScenarioOptions options = tiny(60, 1);
  options.out = folder_ / "used";
  std::filesystem::create_directories(options.out);
  write_file_atomically(options.out / "mine.txt", "keep");
  EXPECT_THAT(error_of([&] { record_scenario("standard", options); }), HasSubstr("used"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options.out), {}), 1);
}

TEST(Scenario, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  EXPECT_THAT(error_of([] { record_scenario("nonsense", {}); }), HasSubstr("noisy-labels"));
}

}  // namespace
}  // namespace dvi
