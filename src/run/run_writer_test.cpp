#include "run/run_writer.h"

#include <gmock/gmock.h>

#include "run/epoch_names.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TestRunOptions small() {
  TestRunOptions options;
  options.train = 20, options.test = 5, options.images = false, options.fitted = {};
  return options;
}

TEST(RunWriter, AnEpochAppearsAtCommitOnly) {
  TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", small());
  {
    EpochWriter writer(run.folder(), 7);
    writer.features(Matrix(25, 8));
    EXPECT_THAT(run.epoch_numbers(), ElementsAre(1, 2, 3, 4));
  }
  EXPECT_FALSE(std::filesystem::exists(run.folder() / "epochs/.000007.unfinished"));
  EpochWriter writer(run.folder(), 7);
  writer.features(Matrix(25, 8));
  writer.training_set(std::vector<int32_t>{1, 2});
  writer.commit({{"train_loss", 0.5}});
  EXPECT_THAT(run.epoch_numbers(), ElementsAre(1, 2, 3, 4, 7));
  EXPECT_EQ(run.epoch(7).scalars(), (Json{{"epoch", 7}, {"train_loss", 0.5}}));
}

TEST(RunWriter, AnEpochIsCalledAsItWasNamed) {
  TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", small());
  EpochWriter writer(run.folder(), 5);
  writer.features(run.epoch(4).features());
  writer.name("step 12000", 12000);
  EXPECT_THAT(error_of([&] { writer.name("", 1); }), HasSubstr("1 to 200 bytes"));
  EXPECT_THAT(error_of([&] { writer.name(std::string(201, 'x'), 1); }), HasSubstr("found 201"));
  writer.commit({{"train_loss", 0.5}});
  EXPECT_EQ(epoch_name(run.epoch(5)), "step 12000");
  EXPECT_EQ(epoch_time(run.epoch(5)), 12000);
  EXPECT_EQ(epoch_called(run, "step 12000"), 5);
}

TEST(RunWriter, LeavesWhatExists) {
  TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", small());
  EXPECT_THAT(error_of([&] { RunWriter(run.folder(), run.manifest()); }), HasSubstr("new or empty folder"));
  EXPECT_THAT(error_of([&] { EpochWriter(run.folder(), 2); }), HasSubstr("not recorded yet"));
  EXPECT_EQ(run.epoch(2).features().rows(), 25);
}

TEST(RunWriter, ReplacesWhatAKilledWriterLeft) {
  TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", small());
  std::filesystem::create_directories(run.folder() / "epochs/.000005.unfinished/columns");
  std::filesystem::create_directories(run.folder() / "epochs/000005");
  record_test_epoch(run, small(), 5);
  EXPECT_THAT(run.epoch_numbers(), ElementsAre(1, 2, 3, 4, 5));
}

TEST(RunWriter, RefusesAManifestThatCouldNotBeRead) {
  TemporaryFolder folder;
  Manifest manifest;
  manifest.name = "x";
  EXPECT_THAT(error_of([&] { RunWriter(folder / "run", manifest); }), HasSubstr("\"classes\""));
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(RunWriter, FinishIsSeenByReaders) {
  TemporaryFolder folder;
  Manifest manifest = make_test_run(folder / "first", small()).manifest();
  RunWriter writer(folder / "second", manifest);
  writer.labels(std::vector<int32_t>(25, 0));
  writer.begin();
  const dvi::Run run = dvi::Run::open(folder / "second");
  EXPECT_FALSE(run.finished());
  writer.finish();
  EXPECT_TRUE(run.finished());
}

}  // namespace
}  // namespace dvi
