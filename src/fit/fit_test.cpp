#include "fit/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/progress.h"
#include "core/random.h"
#include "metrics/metrics.h"
#include "run/run_writer.h"
#include "run/testing/test_run.h"
#include "run/view.h"
#include "run/view_format.h"

namespace dvi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

TestRunOptions recorded_only(std::vector<int> epochs) {
  TestRunOptions options;
  options.epochs = std::move(epochs);
  options.fitted = {};
  return options;
}

std::string bytes_of(const Run& run, int epoch, const char* file) {
  return read_file(run.view_folder("default") / "epochs" / epoch_folder_name(epoch) / file);
}

class FitTest : public testing::Test {
 protected:
  void SetUp() override { set_output(Output::quiet); }
  TemporaryFolder folder_;
};

TEST_F(FitTest, MakesAViewThatReadersAcceptAndThatKeepsPredictions) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1, 2, 5}));
  fit_run(run.folder(), {});
  const View view = View::open(run, "default");
  EXPECT_EQ(view.state(), "done");
  EXPECT_THAT(view.epoch_numbers(), ElementsAre(1, 2, 5));
  for (const int e : view.epoch_numbers()) {
    const auto epoch = view.epoch(e);
    const EpochMetrics metrics = epoch_metrics_from_json(epoch->metrics());
    EXPECT_GT(metrics.test.ppr.value(), 0.9) << e;
    EXPECT_GT(metrics.test.nn_15.value(), 5) << e;  // chance: 225 / 299
    EXPECT_TRUE(view.territory(e).has_value());
    EXPECT_EQ(epoch->neighbor_count(), 15);
    for (size_t i = 0; i < epoch->positions().size(); ++i) {
      EXPECT_GE(epoch->positions()[i], view.extent()[i % 2]);
      EXPECT_LE(epoch->positions()[i], view.extent()[i % 2 + 2]);
    }
  }
  EXPECT_FALSE(view.events().empty());
}

TEST_F(FitTest, IsTheSameWhereTheArraysOfOtherEpochsLieInFiles) {
  const auto held = make_test_run(folder_ / "held", recorded_only({1, 2, 5}));
  const auto aside = make_test_run(folder_ / "aside", recorded_only({1, 2, 5}));
  fit_run(held.folder(), {});
  FitOptions options;
  options.most_bytes = 0;
  fit_run(aside.folder(), options);
  for (const int e : {1, 2, 5})
    for (const char* file : {"positions.npy", "weights.npy", "neighbors.npy", "metrics.json"})
      EXPECT_EQ(bytes_of(held, e, file), bytes_of(aside, e, file)) << e << " " << file;
}

TEST_F(FitTest, PaperPresetMakesAView) {
  TestRunOptions recording = recorded_only({1, 2});
  // The published networks are half as wide as the features and take as few steps as there are edges.
  recording.train = 1000;
  recording.feature_dim = 64;
  const auto run = make_test_run(folder_ / "run", recording);
  FitOptions options;
  options.preset = "paper";
  options.view = "paper";
  fit_run(run.folder(), options);
  const View view = View::open(run, "paper");
  EXPECT_THAT(view.epoch_numbers(), ElementsAre(1, 2));
  EXPECT_GT(epoch_metrics_from_json(view.epoch(2)->metrics()).train.ppr.value(), 0.6);
}

TEST_F(FitTest, EpochsThatAreThereStayAndLaterOnesGoOnFromThem) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1, 2, 3}));
  FitOptions part;
  part.epochs = {1};
  fit_run(run.folder(), part);
  const std::string first = bytes_of(run, 1, "positions.npy");
  fit_run(run.folder(), {});
  EXPECT_EQ(bytes_of(run, 1, "positions.npy"), first);
  const View view = View::open(run, "default");
  EXPECT_THAT(view.epoch_numbers(), ElementsAre(1, 2, 3));
  EXPECT_EQ(view.epoch(1)->json().at("settled_with"), 0);
  EXPECT_EQ(view.epoch(2)->json().at("settled_with"), 1);
}

TEST_F(FitTest, ABadEpochIsToldAfterThoseBeforeItAreFitted) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1, 2, 3}));
  Matrix features = run.epoch(3).features();
  features(17, 2) = NAN;
  write_npy(run.folder() / "epochs" / epoch_folder_name(3) / "features.npy", features);
  EXPECT_THAT(error_of([&] { fit_run(run.folder(), {}); }), HasSubstr("17"));
  EXPECT_THAT(View::open(run, "default").epoch_numbers(), ElementsAre(1, 2));
}

TEST_F(FitTest, KilledAtAnyMomentItGoesOnAndEndsAlike) {
  const auto whole = make_test_run(folder_ / "whole", recorded_only({1, 2, 3}));
  const auto killed = make_test_run(folder_ / "killed", recorded_only({1, 2, 3}));
  fit_run(whole.folder(), {});
  // The fit runs in programs of its own, for only those can be killed: this test again, with a run named in
  // the environment.
  for (const int milliseconds : {5, 80, 300, 700, 1500}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setenv("DVI_TEST_FIT", killed.folder().c_str(), 1);
      execl("/proc/self/exe", "fit_test", "--gtest_filter=FitChild.FitsTheRunNamedInTheEnvironment", nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (!fs::exists(killed.view_folder("default") / "view.json")) continue;
    const View view = View::open(killed, "default");  // whatever is there is whole
    for (const int e : view.epoch_numbers()) EXPECT_NO_THROW(view.epoch(e));
  }
  fit_run(killed.folder(), {});
  for (const int epoch : {1, 2, 3})
    for (const char* file : {"positions.npy", "weights.npy", "metrics.json"})
      EXPECT_EQ(bytes_of(whole, epoch, file), bytes_of(killed, epoch, file)) << epoch << " " << file;
  EXPECT_EQ(View::open(whole, "default").events(), View::open(killed, "default").events());
}

TEST(FitChild, FitsTheRunNamedInTheEnvironment) {
  const char* run = std::getenv("DVI_TEST_FIT");
  if (run == nullptr) GTEST_SKIP() << "only for FitTest.KilledAtAnyMomentItGoesOnAndEndsAlike";
  set_output(Output::quiet);
  fit_run(run, {});
}

TEST_F(FitTest, FollowsARunThatIsStillBeingRecorded) {
  const TestRunOptions options = recorded_only({1});
  const auto run = make_test_run(folder_ / "run", options);
  FitOptions follow;
  follow.follow = true;
  std::thread fit([&] { fit_run(run.folder(), follow); });
  const auto appears = [&](const fs::path& file) {
    for (int i = 0; i < 1200; ++i) {
      if (fs::exists(run.view_folder("default") / file)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  };
  const auto fitted = [&](int epoch) {
    return appears(fs::path("epochs") / epoch_folder_name(epoch) / "view_epoch.json");
  };
  EXPECT_TRUE(fitted(1));
  record_test_epoch(run, options, 2);
  EXPECT_TRUE(fitted(2));
  EXPECT_TRUE(appears("findings.json"));  // while training goes on
  Json manifest = read_json(run.folder() / "run.json");
  manifest["finished"] = true;
  write_json(run.folder() / "run.json", manifest);
  fit.join();
  const View view = View::open(run, "default");
  EXPECT_EQ(view.state(), "done");
  // The end is as if nobody had followed.
  FitOptions whole;
  whole.view = "whole";
  fit_run(run.folder(), whole);
  const View alike = View::open(run, "whole");
  for (const int epoch : {1, 2}) {
    EXPECT_EQ(view.epoch(epoch)->json().at("settled_with"), 1);
    EXPECT_TRUE(std::ranges::equal(view.epoch(epoch)->positions(), alike.epoch(epoch)->positions())) << epoch;
  }
}

TEST_F(FitTest, OtherSettingsAreRefusedUnlessForced) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1}));
  fit_run(run.folder(), {});
  const std::string before = bytes_of(run, 1, "positions.npy");
  FitOptions other;
  other.seed = 7;
  EXPECT_THAT(error_of([&] { fit_run(run.folder(), other); }), HasSubstr("--force"));
  EXPECT_EQ(bytes_of(run, 1, "positions.npy"), before);
  other.force = true;
  fit_run(run.folder(), other);
  EXPECT_NE(bytes_of(run, 1, "positions.npy"), before);
}

/// A run of given features [n, D] with a linear head whose weight [C, D] picks dimensions.
Run make_plain_run(const fs::path& folder, MatrixView features, int classes, float head_scale = 1) {
  Manifest manifest;
  manifest.name = "plain";
  for (int c = 0; c < classes; ++c) manifest.classes.push_back("class " + std::to_string(c));
  manifest.feature_dim = features.cols;
  manifest.groups = {{"train", "train", 0, features.rows}};
  manifest.subject = SubjectKind::linear_head;
  RunWriter writer(folder, manifest);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < features.rows; ++i) labels.push_back(static_cast<int32_t>(i % classes));
  writer.labels(labels);
  writer.begin();
  auto epoch = writer.epoch(1);
  epoch.features(features);
  Matrix weight(classes, features.cols);
  for (int c = 0; c < classes; ++c)
    weight(c, c % features.cols) = head_scale * (c < features.cols ? 1.f : -1.f);
  epoch.linear_head(weight, std::vector<float>(static_cast<size_t>(classes), 0.f));
  epoch.commit({});
  return Run::open(folder);
}

Matrix random_features(int64_t n, int64_t d) {
  Random random(4);
  Matrix x(n, d);
  for (int64_t i = 0; i < n * d; ++i) x.data()[i] = static_cast<float>(random.normal());
  return x;
}

TEST_F(FitTest, SamplesWhoseFeaturesStayStay) {
  TestRunOptions recording = recorded_only({1, 2});
  recording.train = 1500;
  const auto run = make_test_run(folder_ / "run", recording);
  const Matrix before = run.epoch(1).features();
  Matrix after = run.epoch(2).features();
  const auto stays = [](int64_t id) { return id % 2 == 0; };
  for (int64_t i = 0; i < after.rows(); ++i)
    if (stays(i)) std::copy_n(before.row(i), after.cols(), after.row(i));
  write_npy(run.folder() / "epochs" / epoch_folder_name(2) / "features.npy", after);
  fs::remove(run.folder() / "epochs" / epoch_folder_name(2) / "logits.npy");
  fit_run(run.folder(), {});
  const View view = View::open(run, "default");
  const auto first = view.epoch(1)->positions(), second = view.epoch(2)->positions();
  const double side = view.extent()[2] - view.extent()[0];
  int64_t still = 0, all = 0;
  for (int64_t i = 0; i < after.rows(); ++i) {
    if (!stays(i)) continue;
    const auto at = static_cast<size_t>(2 * i);
    still += std::hypot(second[at] - first[at], second[at + 1] - first[at + 1]) < 0.01 * side;
    ++all;
  }
  EXPECT_GT(static_cast<double>(still), 0.9 * static_cast<double>(all));
}

TEST_F(FitTest, TooFewSamplesSaySo) {
  const auto run = make_plain_run(folder_ / "run", random_features(15, 4), 3);
  EXPECT_THAT(error_of([&] { fit_run(run.folder(), {}); }), HasSubstr("expected at least 16 samples"));
}

TEST_F(FitTest, OddDataStillFit) {
  Matrix duplicates = random_features(60, 6);
  for (int64_t i = 1; i < 60; ++i)
    if (i % 4 != 0) std::copy_n(duplicates.row(i - i % 4), 6, duplicates.row(i));
  Matrix same(40, 3);  // all samples alike
  const struct {
    const char* name;
    Matrix features;
    int classes;
    float head_scale;
  } cases[] = {{"plane", random_features(80, 2), 3, 1},
               {"wide", random_features(50, 4096), 3, 1},
               {"duplicates", duplicates, 3, 1},
               {"identical", same, 3, 1},
               {"one_class", random_features(60, 5), 3, 0},
               {"two_classes", random_features(90, 5), 2, 1},
               {"smallest", random_features(16, 4), 2, 1},
               {"many_classes", random_features(120, 40), 100, 1}};
  for (const auto& c : cases) {
    const auto run = make_plain_run(folder_ / c.name, c.features, c.classes, c.head_scale);
    EXPECT_EQ(error_of([&] { fit_run(run.folder(), {}); }), "") << c.name;
    const auto view = View::open(run, "default");
    EXPECT_THAT(view.epoch_numbers(), ElementsAre(1)) << c.name;
    const auto epoch = view.epoch(1);
    for (const float p : epoch->positions()) ASSERT_TRUE(std::isfinite(p)) << c.name;
  }
  EXPECT_GT(View::open(dvi::Run::open(folder_ / "two_classes"), "default").epoch(1)->boundary_count(), 0);
}

TEST_F(FitTest, NanIsNamed) {
  Matrix x = random_features(40, 4);
  x(17, 2) = NAN;
  const auto run = make_plain_run(folder_ / "run", x, 3);
  const std::string error = error_of([&] { fit_run(run.folder(), {}); });
  EXPECT_THAT(error, HasSubstr("features.npy"));
  EXPECT_THAT(error, HasSubstr("17"));
  EXPECT_FALSE(fs::exists(run.view_folder("default") / "epochs" / epoch_folder_name(1)));
}

TEST_F(FitTest, PresetsThatAreNotThereAreNamed) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1}));
  FitOptions options;
  options.preset = "none";
  EXPECT_THAT(error_of([&] { fit_run(run.folder(), options); }), HasSubstr("default, paper"));
}

TEST_F(FitTest, AViewOfTheFirstVersionIsGoneOnWith) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1, 2}));
  FitOptions options;
  options.preset = "paper";
  options.epochs = {1};
  fit_run(run.folder(), options);
  const fs::path file = run.view_folder("default") / "view.json";
  Json json = read_json(file);
  json["version"] = 1;
  write_json(file, json);
  options.epochs.clear();
  fit_run(run.folder(), options);
  const View now = View::open(run, "default");
  EXPECT_EQ(now.json().at("version"), view_version);
  EXPECT_THAT(now.epoch_numbers(), ElementsAre(1, 2));
}

TEST_F(FitTest, WhatIsMovedAfterTheFitIsStoredAndCounted) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1}));
  fit_run(run.folder(), {});
  const View view = View::open(run, "default");
  const auto epoch = view.epoch(1);
  ASSERT_EQ(std::ssize(epoch->moved()), run.manifest().sample_count());
  double count = 0, sum = 0;
  const auto train = run.manifest().ids_of_role("train");
  for (const int32_t id : train) {
    const float moved = epoch->moved()[static_cast<size_t>(id)];
    EXPECT_GE(moved, 0);
    count += moved > 0;
    sum += moved;
  }
  const EpochMetrics metrics = epoch_metrics_from_json(epoch->metrics());
  EXPECT_NEAR(*metrics.train.moved_share, count / static_cast<double>(train.size()), 1e-9);
  EXPECT_NEAR(*metrics.train.moved_mean, count > 0 ? sum / count : 0, 1e-6);
  EXPECT_GE(*metrics.train.ppr + 1e-9, *metrics.train.ppr_fitted);
  EXPECT_GT(*metrics.territory_parts, 0);
  EXPECT_FALSE(epoch->decoder_grid().sizes.empty());
}

TEST_F(FitTest, EpochsThatAreNotThereAreNamed) {
  const auto run = make_test_run(folder_ / "run", recorded_only({1, 2}));
  FitOptions options;
  options.epochs = {1, 9};
  EXPECT_THAT(error_of([&] { fit_run(run.folder(), options); }), HasSubstr("--epochs 9"));
}

}  // namespace
}  // namespace dvi
