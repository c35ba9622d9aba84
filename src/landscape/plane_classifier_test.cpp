#include "landscape/plane_classifier.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/error.h"

namespace dvi {
namespace {

/// A head that does not admit to be linear, so that nothing is composed.
class Opaque final : public SubjectModel {
 public:
  explicit Opaque(SubjectModel& inner) : inner_(inner) {}
  int64_t feature_dim() const override { return inner_.feature_dim(); }
  int64_t class_count() const override { return inner_.class_count(); }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override { fail("no features"); }
  void head(MatrixView features, MutMatrixView logits) override { inner_.head(features, logits); }
  void head_vjp(MatrixView, MatrixView, MutMatrixView) override { fail("no gradient"); }
  const LinearHead* linear_head() const override { return nullptr; }

 private:
  SubjectModel& inner_;
};

TEST(PlaneClassifier, IsTheSameWithTheHeadComposedIntoTheDecoder) {
  Random random(3);
  for (const auto& widths : {std::vector<int64_t>{2, 16, 24, 40}, {2, 40}, {2, 30, 40}}) {
    const PlaneDecoder decoder{{}, Mlp(widths, random)};
    LinearHead head{Matrix(7, 40), std::vector<float>(7)};
    for (int64_t i = 0; i < 280; ++i) head.weight.data()[i] = static_cast<float>(random.normal());
    for (auto& b : head.bias) b = static_cast<float>(random.normal());
    const auto subject = make_linear_subject(head);
    Opaque opaque(*subject);
    constexpr Extent extent{-8, -8, 8, 8};
    const auto composed = PlaneClassifier(decoder, *subject).paint(extent, 70);
    const auto plain = PlaneClassifier(decoder, opaque).paint(extent, 70);
    int64_t other_class = 0;
    // bfloat16 products round; float32 ones agree to a byte.
    const int tolerance = best_precision() == Precision::f32 ? 1 : 12;
    for (size_t i = 0; i < plain.classes.size(); ++i) {
      other_class += composed.classes[i] != plain.classes[i];
      EXPECT_NEAR(composed.confidence[i], plain.confidence[i], tolerance);
      EXPECT_NEAR(composed.margin[i], plain.margin[i], tolerance);
    }
    EXPECT_LE(other_class, best_precision() == Precision::f32 ? 2 : 100);
  }
}

TEST(PlaneClassifier, DecodesAsDecoderAndHeadOneAfterTheOther) {
  Random random(6);
  const PlaneDecoder decoder{{}, Mlp({2, 32, 24, 40}, random)};
  LinearHead head{Matrix(7, 40), std::vector<float>(7)};
  for (int64_t i = 0; i < 280; ++i) head.weight.data()[i] = static_cast<float>(random.normal());
  for (auto& b : head.bias) b = static_cast<float>(random.normal());
  const auto subject = make_linear_subject(head);
  Opaque opaque(*subject);
  constexpr int64_t n = 1100;  // some blocks
  Matrix points(n, 2), features(n, 40), logits(n, 7), expected_features(n, 40), expected(n, 7);
  for (int64_t i = 0; i < 2 * n; ++i) points.data()[i] = static_cast<float>(4 * random.normal());
  PlaneClassifier(decoder, *subject).decode(points, features.mut(), logits.mut());
  PlaneClassifier(decoder, opaque).decode(points, expected_features.mut(), expected.mut());
  const float tolerance = best_precision() == Precision::f32 ? 1e-4f : 0.2f;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t d = 0; d < 40; ++d) ASSERT_NEAR(features(i, d), expected_features(i, d), tolerance);
    for (int64_t c = 0; c < 7; ++c) ASSERT_NEAR(logits(i, c), expected(i, c), tolerance);
  }
}

TEST(PlaneClassifier, JudgesPointsAsItPaintsCells) {
  Random random(5);
  const PlaneDecoder decoder{{}, Mlp({2, 32, 24, 40}, random)};
  LinearHead head{Matrix(7, 40), std::vector<float>(7)};
  for (int64_t i = 0; i < 280; ++i) head.weight.data()[i] = static_cast<float>(random.normal());
  const auto subject = make_linear_subject(head);
  Opaque opaque(*subject);
  constexpr Extent extent{-8, -8, 8, 8};
  constexpr int size = 40;
  Matrix centres(int64_t{size} * size, 2);
  for (int64_t i = 0; i < centres.rows(); ++i) {
    centres(i, 0) = -8 + 16 * (static_cast<float>(i % size) + 0.5f) / size;
    centres(i, 1) = -8 + 16 * (static_cast<float>(i / size) + 0.5f) / size;
  }
  for (SubjectModel* model : {subject.get(), static_cast<SubjectModel*>(&opaque)}) {
    PlaneClassifier classifier(decoder, *model);
    const Landscape cells = classifier.paint(extent, size);
    const auto verdicts = classifier.judge(centres);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      EXPECT_EQ(verdicts[i].prediction, cells.classes[i]);
      EXPECT_NEAR(verdicts[i].confidence * 255, cells.confidence[i], 1);
    }
  }
}

}  // namespace
}  // namespace dvi
