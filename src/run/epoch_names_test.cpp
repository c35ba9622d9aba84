#include "run/epoch_names.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseEpochs, ListsAndRanges) {
  EXPECT_THAT(parse_epochs("1,2,5-7"), ElementsAre(1, 2, 5, 6, 7));
  EXPECT_THAT(parse_epochs("3"), ElementsAre(3));
  for (const char* wrong : {"", "a", "1,,2", "5-3", "-1", "1-", "1 2"})
    EXPECT_THROW(parse_epochs(wrong), Error) << wrong;
}

/// A run of three epochs that are no whole numbers.
Run labelled_run(const std::filesystem::path& folder) {
  TestRunOptions options;
  options.epochs = {1, 2, 3};
  options.fitted = {};
  const Run run = make_test_run(folder, options);
  const auto say = [&](int number, const char* label, double at) {
    write_json(run.epoch(number).folder() / "epoch.json", {{"epoch", number}, {"label", label}, {"at", at}});
  };
  say(1, "0.5", 0.5);
  say(2, "1", 1);
  say(3, "step 12000", 12000);
  return Run::open(folder);
}

TEST(EpochsCalled, LabelsNumbersAndRangesOnTheTimeAxis) {
  const TemporaryFolder folder;
  const dvi::Run run = labelled_run(folder / "run");
  EXPECT_EQ(epoch_name(run.epoch(3)), "step 12000");
  EXPECT_EQ(epoch_time(run.epoch(1)), 0.5);
  EXPECT_THAT(epochs_called(run, "step 12000"), ElementsAre(3));
  EXPECT_THAT(epochs_called(run, "0.5,12000"), ElementsAre(1, 3));
  EXPECT_THAT(epochs_called(run, "0-1"), ElementsAre(1, 2));
  EXPECT_EQ(epoch_called(run, "1"), 2);
  EXPECT_THROW(epoch_called(run, "0-1"), Error);
  try {
    epochs_called(run, "2");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("the run has 0.5, 1, step 12000"));
  }
}

}  // namespace
}  // namespace dvi
