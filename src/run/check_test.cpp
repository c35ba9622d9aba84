#include "run/check.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "run/run_writer.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckTest : public ::testing::Test {
 protected:
  dvi::Run make(TestRunOptions options = {}) {
    options.fitted = {};
    return make_test_run(folder_ / "run", options);
  }
  CheckReport check() { return check_run(folder_ / "run"); }
  TemporaryFolder folder_;
};

TEST_F(CheckTest, AGoodRunHasNothingToComplainAbout) {
  make();
  const CheckReport report = check();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.samples, 300);
  EXPECT_THAT(report.epochs, ElementsAre(1, 2, 3, 4));
}

TEST_F(CheckTest, NoRunAtAll) {
  EXPECT_THAT(check().problems, ElementsAre(HasSubstr("expected a run directory")));
}

TEST_F(CheckTest, EachBrokenFileGivesItsSentence) {
  const dvi::Run run = make();
  write_npy(run.epoch(1).folder() / "features.npy", Matrix(10, 8));
  std::filesystem::remove(run.epoch(2).folder() / "head_bias.npy");
  write_npy(run.epoch(3).folder() / "head_weight.npy", Matrix(3, 9));
  write_npy(run.epoch(4).folder() / "columns/feature_length.npy", std::vector<float>(5));
  EXPECT_THAT(
      check().problems,
      ElementsAre(HasSubstr("000001/features.npy"), HasSubstr("000002/head_bias.npy"),
                  HasSubstr("000003/head_weight.npy"), HasSubstr("000004/columns/feature_length.npy")));
}

TEST_F(CheckTest, AnEpochGapIsANote) {
  TestRunOptions options;
  options.epochs = {1, 2, 3, 6, 7};
  make(options);
  EXPECT_THAT(check().problems, IsEmpty());
  EXPECT_THAT(check().notes, ElementsAre(HasSubstr("a gap between 3 and 6")));
}

TEST_F(CheckTest, SparseEpochsAreNoGap) {
  TestRunOptions options;
  options.epochs = {0, 5, 10, 15};
  make(options);
  EXPECT_THAT(check().notes, IsEmpty());
}

TEST_F(CheckTest, AnUnfinishedEpochIsANote) {
  const dvi::Run run = make();
  std::filesystem::create_directories(run.folder() / "epochs/000005");
  std::filesystem::create_directories(run.folder() / "epochs/last");
  EXPECT_THAT(check().problems, IsEmpty());
  EXPECT_THAT(check().notes, ElementsAre(HasSubstr("no epoch.json"), HasSubstr("six digits")));
}

TEST_F(CheckTest, DuplicatesAreANote) {
  const dvi::Run run = make();
  Matrix features = run.epoch(4).features();
  for (const int64_t copy : {20, 30}) std::copy_n(features.row(10), 8, features.row(copy));
  write_npy(run.epoch(4).folder() / "features.npy", features);
  EXPECT_THAT(check().problems, IsEmpty());
  EXPECT_THAT(check().notes, ElementsAre(AllOf(HasSubstr("2 samples"), HasSubstr("sample 20, equal to 10"))));
}

TEST_F(CheckTest, NoEpochs) {
  TestRunOptions options;
  options.epochs = {};
  make(options);
  EXPECT_THAT(check().problems, ElementsAre(HasSubstr("at least one complete epoch")));
}

TEST_F(CheckTest, FewerSamplesThanNeighbours) {
  TestRunOptions options;
  options.train = 15;
  const dvi::Run run = make(options);
  EXPECT_THAT(check().problems, ElementsAre(AllOf(HasSubstr("at least 16 samples"), HasSubstr("found 15"))));
  EXPECT_THAT(error_of([&] { expect_fittable(run, 15); }), HasSubstr("at least 16"));
  EXPECT_NO_THROW(expect_fittable(run, 14));
}

TEST_F(CheckTest, OneClassOnly) {
  const dvi::Run run = make();
  std::vector<int32_t> labels(300, 2);
  labels[0] = -1;
  write_npy(run.folder() / "labels.npy", labels);
  EXPECT_THAT(check().problems, ElementsAre(AllOf(HasSubstr("labels.npy"), HasSubstr("only class 2"))));
}

TEST_F(CheckTest, FeatureDimensionsAtBothEnds) {
  for (const int64_t dim : {2, 4096}) {
    TestRunOptions options;
    options.train = 40, options.test = 5, options.feature_dim = dim, options.epochs = {1},
    options.images = false;
    options.fitted = {};
    make_test_run(folder_ / std::to_string(dim), options);
    EXPECT_THAT(check_run(folder_ / std::to_string(dim)).problems, IsEmpty()) << dim;
  }
}

TEST_F(CheckTest, ATorchscriptRunNeedsAModelOrAHead) {
  const dvi::Run run = make();
  Json json = read_json(run.folder() / "run.json");
  json["subject"]["kind"] = "torchscript";
  write_json(run.folder() / "run.json", json);
  EXPECT_THAT(check().problems, IsEmpty());
  for (const char* file : {"head_weight.npy", "head_bias.npy"})
    std::filesystem::remove(run.epoch(2).folder() / file);
  EXPECT_THAT(check().problems, ElementsAre(AllOf(HasSubstr("000002"), HasSubstr("subject.pt"))));
}

// The format page's own recipe, run by NumPy itself.
TEST_F(CheckTest, AcceptsARunWrittenByNumPy) {
  const auto script = folder_ / "write.py";
  write_file_atomically(script, R"(
import json, os, sys, numpy as np
def write_epoch(run, n, features, head_weight, head_bias, **scalars):
    d = f"{run}/epochs/{n:06d}"; os.makedirs(d, exist_ok=True)
    np.save(d + "/features.npy", features.astype("<f4"))
    np.save(d + "/head_weight.npy", head_weight.astype("<f4"))
    np.save(d + "/head_bias.npy", head_bias.astype("<f4"))
    with open(d + "/epoch.json.tmp", "w") as f: json.dump({"epoch": n, **scalars}, f)
    os.replace(d + "/epoch.json.tmp", d + "/epoch.json")
run = sys.argv[1]; os.makedirs(run)
rng = np.random.default_rng(0)
json.dump({"format": "dvi-run", "version": 1, "name": "mnist-cnn", "classes": ["0", "1"], "feature_dim": 512,
 "groups": [{"name": "train", "role": "train", "begin": 0, "count": 80},
            {"name": "test", "role": "test", "begin": 80, "count": 20}],
 "inputs": {"kind": "image", "layout": "NHWC"}, "subject": {"kind": "torchscript"}}, open(run + "/run.json", "w"))
np.save(run + "/labels.npy", rng.integers(0, 2, 100))
np.save(run + "/inputs.npy", rng.integers(0, 256, (100, 6, 5, 1)).astype("u1"))
for n in (1, 2):
    write_epoch(run, n, rng.normal(size=(100, 512)), rng.normal(size=(2, 512)), np.zeros(2), train_loss=0.5)
)");
  const std::string command =
      "/usr/bin/python3 " + script.string() + " " + (folder_ / "run").string() + " 2>/dev/null";
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0)
    GTEST_SKIP() << "needs python3 with NumPy";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const CheckReport report = check();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.epochs, ElementsAre(1, 2));
}

}  // namespace
}  // namespace dvi
