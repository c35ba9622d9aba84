#include "subject/check_subject.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "run/testing/test_run.h"
#include "subject/subject_model.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckSubjectTest : public ::testing::Test {
 protected:
  CheckSubjectTest() {
    TestRunOptions options;
    options.fitted = {};
    make_test_run(folder_ / "run", options);
  }
  dvi::Run run() { return dvi::Run::open(folder_ / "run"); }
  CheckReport check() {
    CheckReport report = check_run(folder_ / "run");
    check_subjects(run(), report);
    return report;
  }
  Matrix logits_of(const Epoch& epoch) {
    const dvi::Run opened = run();
    const auto subject = open_subject(opened, epoch);
    const RecordedRows rows = epoch_logits(epoch, epoch.features(), *subject);
    Matrix copy(rows.rows(), rows.cols());
    std::ranges::copy(rows.view().span(), copy.data());
    return copy;
  }
  TemporaryFolder folder_;
};

TEST_F(CheckSubjectTest, AGoodRunHasNothingToComplainAbout) {
  const CheckReport report = check();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
}

TEST_F(CheckSubjectTest, LogitsThatAreNotTheHeadsAreAProblemThatNamesTheEpoch) {
  const Epoch epoch = run().epoch(2);
  Matrix logits = logits_of(epoch);
  for (int64_t i = 0; i < logits.rows() * logits.cols(); ++i)
    logits.data()[i] *= 0.05f;  // the softmax's temperature
  write_npy(epoch.folder() / "logits.npy", logits);
  EXPECT_THAT(check().problems, ElementsAre(AllOf(HasSubstr("000002"), HasSubstr("epoch 2"),
                                                  HasSubstr("other logits of the features"))));
}

TEST_F(CheckSubjectTest, AConstantAddedToEveryLogitOfASampleIsNothing) {
  const Epoch epoch = run().epoch(2);
  Matrix logits = logits_of(epoch);
  for (int64_t i = 0; i < logits.rows(); ++i)
    for (int64_t c = 0; c < logits.cols(); ++c) logits(i, c) -= static_cast<float>(i % 7);
  write_npy(epoch.folder() / "logits.npy", logits);
  EXPECT_THAT(check().problems, IsEmpty());
}

TEST_F(CheckSubjectTest, AHeadThatWasSolvedForIsANote) {
  const Epoch epoch = run().epoch(3);
  Matrix logits = logits_of(epoch);
  for (int64_t i = 0; i < logits.rows() * logits.cols(); ++i) logits.data()[i] *= 0.5f;
  write_npy(epoch.folder() / "logits.npy", logits);
  Json scalars = epoch.scalars();
  scalars["head_residual"] = 0.3;
  write_json(epoch.folder() / "epoch.json", scalars);
  const CheckReport report = check();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("solved by least squares")));
}

TEST_F(CheckSubjectTest, AccuraciesOfOtherLabelsAreAProblem) {
  const Epoch epoch = run().epoch(4);
  Json scalars = epoch.scalars();
  scalars["train_accuracy"] = 0.1;  // a mean over a hard epoch
  write_json(epoch.folder() / "epoch.json", scalars);
  EXPECT_THAT(check().notes, ElementsAre(AllOf(HasSubstr("epoch 4"), HasSubstr("train_accuracy is 0.1"))));
  std::vector<int32_t> labels = run().labels();
  for (int32_t& label : labels) label = label < 0 ? label : (label + 1) % run().manifest().class_count();
  const int64_t shape[] = {static_cast<int64_t>(labels.size())};
  write_npy(folder_ / "run/labels.npy", DType::i32, shape, labels.data());
  scalars["train_accuracy"] = 0.9;
  write_json(epoch.folder() / "epoch.json", scalars);
  EXPECT_THAT(check().problems, ::testing::Contains(HasSubstr("recorded with other labels")));
}

}  // namespace
}  // namespace dvi
