#include "project/relocation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace dvi {
namespace {

/// A plane whose classifier is known: class 0 left of x = 0, class 1 right of it, class 2 nowhere; the margin
/// is 2|x| / (|x| + 100).
class RelocationTest : public ::testing::Test {
 protected:
  PlaneDecoder identity_{{}, Mlp{{2, 2}, {1, 0, 0, 1, 0, 0}}};
  std::unique_ptr<SubjectModel> subject_ = make_linear_subject([] {
    LinearHead head{Matrix(3, 2), {0, 0, -100}};
    head.weight(0, 0) = -1;
    head.weight(1, 0) = 1;
    return head;
  }());
  PlaneClassifier classifier_{identity_, *subject_};
  static constexpr Extent extent_{-60, -60, 60, 60};
  static constexpr float cell_ = 120.f / 300;
  MarginRanks ranks_ = ranks();

  static float margin_at(float x) { return 2 * std::abs(x) / (std::abs(x) + 100); }
  /// Margins of samples all over the picture.
  static MarginRanks ranks() {
    std::vector<Verdict> verdicts;
    for (int x = 0; x <= 600; ++x) verdicts.push_back({0, 1, 0, margin_at(static_cast<float>(x) / 10)});
    std::vector<int32_t> ids(verdicts.size());
    std::iota(ids.begin(), ids.end(), 0);
    return {verdicts, ids};
  }
  std::vector<float> relocate(std::span<const ExpectedGround> expected, Matrix& at, double reach) {
    return Relocator(classifier_, ranks_, extent_, {0.3, reach}).relocate(expected, at.mut());
  }
  static Matrix points(std::initializer_list<std::array<float, 2>> list) {
    Matrix out(static_cast<int64_t>(list.size()), 2);
    int64_t row = 0;
    for (const auto& p : list) std::copy(p.begin(), p.end(), out.row(row++));
    return out;
  }
};

TEST_F(RelocationTest, MovesWhatIsMisplacedToItsClassAndItsMargin) {
  Matrix at = points({{-50, -50}, {50, 50}, {-3, 7}, {2, -9}, {-30, 0}, {20, 1}});
  const Matrix before = at;
  const ExpectedGround expected[] = {{0, -1, margin_at(50)}, {1, -1, margin_at(50)}, {1, -1, margin_at(5)},
                                     {0, -1, margin_at(8)},  {1, -1, margin_at(5)},  {2, -1, 0.5f}};
  const auto moved = relocate(expected, at, 0.15);
  for (const int64_t same : {0, 1, 4, 5}) {  // right; right; its class is too far away; no such territory
    EXPECT_EQ(moved[static_cast<size_t>(same)], 0);
    for (int c = 0; c < 2; ++c) EXPECT_EQ(at(same, c), before(same, c)) << same;
  }
  // Ranks within 0.06 are as good as equal: 3.6 of 60.
  EXPECT_GT(at(2, 0), 1);
  EXPECT_LT(at(2, 0), 5);
  EXPECT_NEAR(at(2, 1), 7, cell_);
  EXPECT_LT(at(3, 0), -4);
  EXPECT_GT(at(3, 0), -8);
  EXPECT_NEAR(moved[3], std::hypot(at(3, 0) - 2, at(3, 1) + 9) / 120, 1e-6);
}

TEST_F(RelocationTest, MovesWhereTheMarginIsFarFromTheSamples) {
  Matrix at = points({{40, 0}, {40, 5}, {40, 10}});
  const ExpectedGround expected[] = {{1, -1, margin_at(10)}, {1, -1, margin_at(30)}, {1, -1, margin_at(58)}};
  const auto moved = relocate(expected, at, 0.4);
  EXPECT_LT(at(0, 0), 15);
  EXPECT_EQ(moved[1], 0);  // within the tolerance
  EXPECT_EQ(moved[2], 0);
  EXPECT_NEAR(at(0, 1), 0, cell_);
}

TEST_F(RelocationTest, BoundarySamplesComeToLieOnTheWhiteLine) {
  // 2 x / (x + 100) < 0.15 for x < 8.1, < 0.1 for x < 5.3
  Matrix at = points({{12, 3}, {4, 3}, {-4, 3}});
  const Matrix before = at;
  const ExpectedGround expected[] = {{1, 0}, {1, 0}, {1, 0}};
  const auto moved = relocate(expected, at, 0.2);
  const auto verdicts = classifier_.judge(at);
  for (const auto& verdict : verdicts) {
    EXPECT_EQ(verdict.prediction, 1);
    EXPECT_LT(verdict.margin, landscape_delta);
  }
  EXPECT_GT(moved[0], 0);
  EXPECT_EQ(moved[1], 0);
  EXPECT_EQ(at(1, 0), before(1, 0));
}

TEST_F(RelocationTest, ManyPointsDoNotComeToLieInALine) {
  Matrix at(200, 2);
  std::vector<ExpectedGround> expected;
  for (int64_t i = 0; i < 200; ++i) {
    at(i, 0) = -1 - 0.01f * static_cast<float>(i);
    at(i, 1) = 0.3f * static_cast<float>(i) - 30;
    expected.push_back({1, -1, margin_at(4)});
  }
  relocate(expected, at, 0.15);
  double mean = 0, square = 0;
  for (int64_t i = 0; i < 200; ++i) mean += at(i, 0) / 200;
  for (int64_t i = 0; i < 200; ++i) square += (at(i, 0) - mean) * (at(i, 0) - mean) / 200;
  EXPECT_GT(std::sqrt(square), 0.2 * cell_);
}

TEST_F(RelocationTest, IsTheSameOneByOneAndTogether) {
  Matrix together = points({{-3, 7}, {2, -9}, {-12, 30}, {40, 2}});
  const std::vector<ExpectedGround> expected = {
      {1, -1, margin_at(5)}, {0, -1, margin_at(8)}, {1, -1, margin_at(2)}, {1, -1, margin_at(3)}};
  Matrix alone(4, 2);
  for (int64_t i = 0; i < 4; ++i) {
    Matrix one(1, 2);
    std::copy_n(together.row(i), 2, one.row(0));
    relocate(std::span(expected).subspan(static_cast<size_t>(i), 1), one, 0.2);
    std::copy_n(one.row(0), 2, alone.row(i));
  }
  relocate(expected, together, 0.2);
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(alone.data()[i], together.data()[i]);
}

}  // namespace
}  // namespace dvi
