#include "subject/subject_model.h"

#include <gmock/gmock.h>

#include "core/random.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::AllOf;
using testing::HasSubstr;

LinearHead random_head(int64_t classes, int64_t dim) {
  Random random(5);
  LinearHead head{Matrix(classes, dim), std::vector<float>(static_cast<size_t>(classes))};
  for (int64_t c = 0; c < classes; ++c) {
    head.bias[static_cast<size_t>(c)] = static_cast<float>(random.normal());
    for (int64_t j = 0; j < dim; ++j) head.weight(c, j) = static_cast<float>(random.normal());
  }
  return head;
}

Matrix random_matrix(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

TEST(LinearSubject, HeadIsWeightTimesFeaturesPlusBias) {
  const LinearHead head = random_head(7, 33);
  const auto subject = make_linear_subject(head);
  EXPECT_EQ(subject->feature_dim(), 33);
  EXPECT_EQ(subject->class_count(), 7);
  EXPECT_FALSE(subject->has_features());
  const Matrix features = random_matrix(600, 33, 2);  // more than one piece
  Matrix logits(600, 7);
  subject->head(features, logits.mut());
  for (int64_t i = 0; i < 600; i += 37)
    for (int64_t c = 0; c < 7; ++c) {
      double expected = head.bias[static_cast<size_t>(c)];
      for (int64_t j = 0; j < 33; ++j) expected += double(head.weight(c, j)) * features(i, j);
      EXPECT_NEAR(logits(i, c), expected, 1e-4);
    }
}

TEST(LinearSubject, VjpMatchesFiniteDifferences) {
  const auto subject = make_linear_subject(random_head(4, 9));
  const Matrix features = random_matrix(3, 9, 3), cotangent = random_matrix(3, 4, 4);
  Matrix vjp(3, 9);
  subject->head_vjp(features, cotangent, vjp.mut());
  const float step = 0.25f;  // exact for a linear function but for rounding
  for (int64_t j = 0; j < 9; ++j) {
    Matrix moved = features;
    for (int64_t i = 0; i < 3; ++i) moved(i, j) += step;
    Matrix before(3, 4), after(3, 4);
    subject->head(features, before.mut());
    subject->head(moved, after.mut());
    for (int64_t i = 0; i < 3; ++i) {
      double slope = 0;
      for (int64_t c = 0; c < 4; ++c) slope += cotangent(i, c) * (after(i, c) - before(i, c)) / step;
      EXPECT_NEAR(vjp(i, j), slope, 1e-4);
    }
  }
}

TEST(LinearSubject, SaysWhatDoesNotFit) {
  const auto subject = make_linear_subject(random_head(4, 9));
  Matrix logits(2, 4);
  EXPECT_THAT(error_of([&] { subject->head(Matrix(2, 8), logits.mut()); }),
              AllOf(HasSubstr("[n, 9]"), HasSubstr("[2, 8]")));
  EXPECT_THAT(error_of([&] { subject->features(Matrix(1, 4), std::vector<int64_t>{4}, logits.mut()); }),
              HasSubstr("record subject.pt"));
}

TEST(OpenSubject, TakesTheArraysOfALinearHeadRun) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run");
  const Epoch epoch = run.epoch(2);
  const auto subject = open_subject(run, epoch);
  ASSERT_NE(subject->linear_head(), nullptr);
  EXPECT_EQ(subject->feature_dim(), run.manifest().feature_dim);
  const RecordedRows logits = epoch_logits(epoch, epoch.features(), *subject);
  EXPECT_EQ(logits.rows(), run.manifest().sample_count());
}

TEST(OpenSubject, NamesTheHeadFileThatDoesNotFit) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run");
  const Epoch epoch = run.epoch(1);
  write_npy(epoch.folder() / "head_weight.npy", Matrix(3, 5));
  EXPECT_THAT(error_of([&] { open_subject(run, epoch); }),
              AllOf(HasSubstr("head_weight.npy"), HasSubstr("(3, 5)")));
}

TEST(EpochLogits, NamesTheSampleWhoseLogitsAreNotFinite) {
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run");
  std::filesystem::remove(run.epoch(1).folder() / "logits.npy");
  const Epoch epoch = run.epoch(1);
  Matrix features = epoch.features();
  features(17, 0) = 3e38f;
  features(17, 1) = 3e38f;
  LinearHead head{Matrix(run.manifest().class_count(), run.manifest().feature_dim),
                  std::vector<float>(run.manifest().classes.size())};
  head.weight(0, 0) = head.weight(0, 1) = 2;
  const auto subject = make_linear_subject(std::move(head));
  EXPECT_THAT(error_of([&] { epoch_logits(epoch, features, *subject); }),
              AllOf(HasSubstr("sample 17"), HasSubstr("epoch 1")));
}

}  // namespace
}  // namespace dvi
