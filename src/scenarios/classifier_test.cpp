#include "scenarios/classifier.h"

#include <gmock/gmock.h>

#include <cmath>

#include "run/testing/test_run.h"
#include "scenarios/training.h"
#include "subject/logits.h"
#include "subject/torch_subject.h"

namespace dvi {
namespace {

constexpr ImageShape shape{12, 14, 1};

/// Bright left half or bright right half, with noise.
ImageSet halves(int64_t count, uint64_t seed) {
  Random random(seed);
  ImageSet set{shape, {}, {}};
  for (int64_t i = 0; i < count; ++i) {
    set.labels.push_back(static_cast<int32_t>(i % 2));
    for (int64_t p = 0; p < shape.size(); ++p) {
      const bool left = p % shape.width < shape.width / 2;
      set.pixels.push_back(static_cast<uint8_t>((left == (i % 2 == 0) ? 120 : 60) + random.below(80)));
    }
  }
  return set;
}

Matrix logits_of(const Classifier& classifier, const Matrix& images) {
  const TemporaryFolder folder;
  classifier.save(folder / "subject.pt");
  const auto subject =
      open_torch_subject(folder / "subject.pt", Classifier::feature_dim, 2, ModelPlace::threads);
  EXPECT_NE(subject->linear_head(), nullptr);
  Matrix features(images.rows(), Classifier::feature_dim), logits(images.rows(), 2);
  subject->features(images, std::vector<int64_t>{shape.channels, shape.height, shape.width}, features.mut());
  subject->head(features, logits.mut());
  return logits;
}

double cross_entropy(const Matrix& logits, std::span<const int32_t> labels) {
  double sum = 0;
  for (int64_t i = 0; i < logits.rows(); ++i) sum -= std::log(probability({logits.row(i), 2}, labels[i]));
  return sum / static_cast<double>(logits.rows());
}

TEST(Classifier, WhatIsTrainedIsWhatIsSaved) {
  const ImageSet images = halves(64, 1);
  const auto ids = all_ids(64);
  Classifier classifier({shape, 2, 5});
  for (int i = 0; i < 3; ++i) train_on(classifier, images, ids, 1e-3);
  const Matrix batch = gather_images(images, ids);
  // The loss of the next step is that of the classifier as it is now; bfloat16 has 8 bits.
  const double expected = cross_entropy(logits_of(classifier, batch), images.labels);
  EXPECT_NEAR(train_on(classifier, images, ids, 1e-3), expected, Classifier::uses_bfloat16() ? 0.02 : 1e-4);
}

TEST(Classifier, LearnsAndAnAttackUndoesIt) {
  const ImageSet images = halves(200, 1), unseen = halves(100, 2);
  Classifier classifier({shape, 2, 5});
  Batches batches(all_ids(200), 50, 1);
  for (int i = 0; i < 40; ++i) train_on(classifier, images, batches.next(), 1e-3);
  const Matrix batch = gather_images(unseen, all_ids(100));
  const auto accuracy = [&](const Matrix& x) {
    const auto verdicts = judge(logits_of(classifier, x).view());
    double right = 0;
    for (size_t i = 0; i < 100; ++i) right += verdicts[i].prediction == unseen.labels[i];
    return right / 100;
  };
  EXPECT_GT(accuracy(batch), 0.95);
  const Attack attack{0.2f, 0.05f, 10};
  const Matrix moved = classifier.attack(batch, unseen.labels, attack, 1);
  EXPECT_LT(accuracy(moved), 0.6);
  for (int64_t i = 0; i < batch.rows() * batch.cols(); ++i) {
    ASSERT_LE(std::abs(moved.data()[i] - batch.data()[i]), attack.radius + 1e-6f);
    ASSERT_GE(moved.data()[i], 0.f);
    ASSERT_LE(moved.data()[i], 1.f);
  }
}

TEST(Classifier, TheSameSeedGivesTheSameClassifier) {
  const ImageSet images = halves(100, 1);
  const auto train = [&](uint64_t seed) {
    Classifier classifier({shape, 2, seed});
    Batches batches(all_ids(100), 20, seed);
    for (int i = 0; i < 10; ++i) train_on(classifier, images, batches.next(), 1e-3);
    const Matrix logits = logits_of(classifier, gather_images(images, all_ids(100)));
    return std::vector<float>(logits.data(), logits.data() + 200);
  };
  const auto a = train(1);
  EXPECT_EQ(a, train(1));
  EXPECT_NE(a, train(2));
}

TEST(Classifier, PredictedLossesTellHardSamplesFromEasyOnes) {
  // A third of the samples has random labels and a mark in the corner, so their loss can be foreseen.
  ImageSet images = halves(300, 1);
  Random random(2);
  for (size_t i = 0; i < 300; i += 3) {
    images.labels[i] = static_cast<int32_t>(random.below(2));
    for (size_t p = 0; p < 4; ++p) images.pixels[i * static_cast<size_t>(shape.size()) + p * 14] = 255;
    for (size_t p = 0; p < 40; ++p) images.pixels[i * static_cast<size_t>(shape.size()) + p] = 255;
  }
  Classifier classifier({shape, 2, 5, true});
  Batches batches(all_ids(300), 60, 1);
  for (int i = 0; i < 100; ++i) train_on(classifier, images, batches.next(), 1e-3);
  const auto losses = classifier.predicted_losses(gather_images(images, all_ids(300)));
  double hard = 0, easy = 0;
  for (size_t i = 0; i < 300; ++i) (i % 3 == 0 ? hard : easy) += losses[i];
  EXPECT_GT(hard / 100, easy / 200 + 0.2);
}

}  // namespace
}  // namespace dvi
