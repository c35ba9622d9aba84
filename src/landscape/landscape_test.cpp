#include "landscape/landscape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/npy.h"
#include "core/parallel.h"
#include "core/random.h"
#include "landscape/verdict_rows.h"
#include "run/testing/test_run.h"
#include "subject/logits.h"

namespace dvi {
namespace {

/// A head of random weights; `linear` tells whether it admits to be one.
class RandomHead final : public SubjectModel {
 public:
  RandomHead(int64_t classes, int64_t dim, bool linear) : linear_(linear) {
    Random random(5);
    head_.weight = Matrix(classes, dim);
    for (int64_t i = 0; i < classes * dim; ++i) head_.weight.data()[i] = static_cast<float>(random.normal());
    for (int64_t c = 0; c < classes; ++c) head_.bias.push_back(static_cast<float>(random.normal()));
  }
  int64_t feature_dim() const override { return head_.weight.cols(); }
  int64_t class_count() const override { return head_.weight.rows(); }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override { fail("no features"); }
  void head_vjp(MatrixView, MatrixView, MutMatrixView) override { fail("no gradient"); }
  const LinearHead* linear_head() const override { return linear_ ? &head_ : nullptr; }
  void head(MatrixView features, MutMatrixView logits) override {
    for (int64_t i = 0; i < features.rows; ++i)
      for (int64_t c = 0; c < class_count(); ++c) {
        double sum = head_.bias[static_cast<size_t>(c)];
        for (int64_t d = 0; d < features.cols; ++d)
          sum += double{features(i, d)} * double{head_.weight(c, d)};
        logits(i, c) = static_cast<float>(sum);
      }
  }

 private:
  LinearHead head_;
  bool linear_;
};

/// Bends the plane into five dimensions.
void bend(MatrixView points, MutMatrixView features) {
  for (int64_t i = 0; i < points.rows; ++i) {
    const float x = points(i, 0), y = points(i, 1);
    const float f[] = {x, y, std::sin(3 * x), std::cos(2 * y), x * y};
    std::copy(f, f + 5, features.row(i));
  }
}

constexpr Extent extent{-2, 1, 4, 7};

/// Cell by cell, with judge().
Landscape slow_paint(SubjectModel& subject, int size) {
  Landscape out{size, {}, {}, {}};
  Matrix point(1, 2), feature(1, 5), logits(1, subject.class_count());
  for (int row = 0; row < size; ++row)
    for (int column = 0; column < size; ++column) {
      point(0, 0) = extent.x0 + (static_cast<float>(column) + 0.5f) * 6 / static_cast<float>(size);
      point(0, 1) = extent.y0 + (static_cast<float>(row) + 0.5f) * 6 / static_cast<float>(size);
      bend(point, feature.mut());
      subject.head(feature, logits.mut());
      const Verdict v = judge(logits.view().span());
      out.classes.push_back(static_cast<uint16_t>(v.prediction));
      out.confidence.push_back(static_cast<uint8_t>(v.confidence * 255.f + 0.5f));
      out.margin.push_back(static_cast<uint8_t>(v.margin * 255.f));
    }
  return out;
}

void expect_same(const Landscape& a, const Landscape& b) {
  ASSERT_EQ(a.size, b.size);
  int64_t other_class = 0;
  for (size_t i = 0; i < a.classes.size(); ++i) {
    if (a.classes[i] != b.classes[i]) ++other_class;  // equal logits but for rounding
    EXPECT_NEAR(a.confidence[i], b.confidence[i], 1);
    EXPECT_NEAR(a.margin[i], b.margin[i], 1);
  }
  EXPECT_LE(other_class, static_cast<int64_t>(a.classes.size()) / 1000);
}

class Paint : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(Paint, IsWhatJudgingCellByCellGives) {
  const auto [classes, size] = GetParam();
  RandomHead linear(classes, 5, true), other(classes, 5, false);
  const auto decode = [](MatrixView points, MutMatrixView features, int worker) {
    ASSERT_LT(worker, threads());
    bend(points, features);
  };
  const Landscape expected = slow_paint(linear, size);
  expect_same(paint(decode, linear, extent, size), expected);
  expect_same(paint(decode, other, extent, size), expected);
  const auto logits = [&](MatrixView points, MutMatrixView out, int) {
    Matrix features(points.rows, 5);
    bend(points, features.mut());
    linear.head(features, out);
  };
  expect_same(paint(logits, classes, extent, size), expected);
}

INSTANTIATE_TEST_SUITE_P(ClassesAndSizes, Paint,
                         testing::Combine(testing::Values(2, 10, 131), testing::Values(1, 37, 150)));

TEST(Paint, OfEqualLogitsIsAllBoundary) {
  const auto land =
      paint([](MatrixView, MutMatrixView out, int) { std::fill_n(out.data, out.rows * out.cols, 3.f); }, 4,
            extent, 8);
  for (int64_t cell = 0; cell < 64; ++cell) EXPECT_TRUE(land.on_boundary(cell));
  EXPECT_EQ(land.confidence[0], 64);  // 1/4 of 255
}

TEST(Paint, RefusesASizeOfNothing) {
  RandomHead head(2, 5, true);
  EXPECT_THROW(paint([](MatrixView, MutMatrixView, int) {}, head, extent, 0), Error);
}

TEST(Landscape, BoundaryIsAMarginBelow15Percent) {
  const auto land_of = [](float margin) {  // logits 1, 1 - margin, 0
    return paint(
        [margin](MatrixView points, MutMatrixView out, int) {
          for (int64_t i = 0; i < points.rows; ++i) {
            out(i, 0) = 1;
            out(i, 1) = 1 - margin;
            out(i, 2) = 0;
          }
        },
        3, extent, 1);
  };
  EXPECT_TRUE(land_of(0.149f).on_boundary(0));
  EXPECT_FALSE(land_of(0.154f).on_boundary(0));  // a byte is 0.004 wide
}

TEST(Landscape, FindsTheCellOfAPoint) {
  const Landscape land{6, {}, {}, {}};
  EXPECT_EQ(land.cell_of(extent, -1.9f, 1.1f), 0);
  EXPECT_EQ(land.cell_of(extent, 3.9f, 1.1f), 5);
  EXPECT_EQ(land.cell_of(extent, -1.5f, 2.5f), 6);
  EXPECT_EQ(land.cell_of(extent, 100.f, 100.f), 35);
  EXPECT_EQ(land.cell_of(extent, -100.f, -100.f), 0);
}

TEST(Landscape, IsWrittenAsThreeArrays) {
  const TemporaryFolder folder;
  RandomHead head(3, 5, true);
  const auto land = paint([](MatrixView p, MutMatrixView f, int) { bend(p, f); }, head, extent, 20);
  write_landscape(folder / "territories/1/000001", land);
  const auto classes = NpyArray::open(folder / "territories/1/000001/class.npy");
  classes.expect_shape({20, 20});
  EXPECT_EQ(classes.as<uint16_t>()[33], land.classes[33]);
  EXPECT_EQ(NpyArray::open(folder / "territories/1/000001/margin.npy").as<uint8_t>()[21], land.margin[21]);
  EXPECT_EQ(NpyArray::open(folder / "territories/1/000001/confidence.npy").as<uint8_t>()[399],
            land.confidence[399]);
}

// judge_rows against judge() where numbers are extreme.
TEST(JudgeRows, StandsHugeAndEqualLogits) {
  Matrix logits(4, 3);
  const float values[4][3] = {{1e30f, -1e30f, 0}, {-500, -500, -501}, {0, 0, 0}, {88, -88, 87.999f}};
  for (int64_t i = 0; i < 4; ++i) std::copy(values[i], values[i] + 3, logits.row(i));
  std::vector<float> scratch(128 * 3);
  uint16_t classes[4];
  uint8_t confidence[4], margin[4];
  judge_rows(logits, scratch.data(), classes, confidence, margin);
  for (int64_t i = 0; i < 4; ++i) {
    const Verdict v = judge(std::span<const float>(logits.row(i), 3));
    EXPECT_EQ(classes[i], v.prediction);
    EXPECT_NEAR(confidence[i], v.confidence * 255.f, 1);
    EXPECT_NEAR(margin[i], v.margin * 255.f, 1);
  }
}

}  // namespace
}  // namespace dvi
