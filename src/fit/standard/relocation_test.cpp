#include "fit/standard/relocation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

/// A plane whose classifier is known: class 0 left of x = 0, class 1 right of it, class 2 nowhere.
class RelocationTest : public ::testing::Test {
 protected:
  Mlp identity_{{2, 2}, {1, 0, 0, 1, 0, 0}};
  std::unique_ptr<SubjectModel> subject_ = make_linear_subject([] {
    LinearHead head{Matrix(3, 2), {0, 0, -100}};
    head.weight(0, 0) = -1;
    head.weight(1, 0) = 1;
    return head;
  }());
  PlaneClassifier classifier_{identity_, *subject_};

  static Matrix points(std::initializer_list<std::array<float, 2>> list) {
    Matrix out(static_cast<int64_t>(list.size()), 2);
    int64_t row = 0;
    for (const auto& p : list) {
      std::copy(p.begin(), p.end(), out.row(row));
      ++row;
    }
    return out;
  }
};

TEST_F(RelocationTest, MovesWhatIsMisplacedJustOverTheNearestBorder) {
  Matrix at = points({{-50, -50}, {50, 50}, {-3, 7}, {2, -9}, {-30, 0}, {20, 1}});
  const Matrix before = at;
  const ExpectedGround expected[] = {{0}, {1}, {1}, {0}, {1}, {2}};
  const Relocation relocation = relocate(classifier_, expected, 0.1, at.mut());
  EXPECT_EQ(relocation.misplaced, 4);
  EXPECT_EQ(relocation.relocated, 2);
  for (const int64_t same : {0, 1, 4, 5})  // right; too far away; no such territory
    for (int c = 0; c < 2; ++c) EXPECT_EQ(at(same, c), before(same, c)) << same;
  const float cell = 120.f / 400;
  EXPECT_GT(at(2, 0), 0);
  EXPECT_LT(at(2, 0), cell);
  EXPECT_NEAR(at(2, 1), 7, cell);
  EXPECT_LT(at(3, 0), 0);
  EXPECT_GT(at(3, 0), -cell);
  EXPECT_NEAR(relocation.mean_distance, 2.5 / 120, cell / 120);
}

TEST_F(RelocationTest, BoundarySamplesComeToLieOnTheWhiteLine) {
  // (x - -x) / (x + 100) < 0.15 for x < 8.1, < 0.1 for x < 5.3
  Matrix at = points({{-50, -50}, {50, 50}, {12, 3}, {4, 3}, {-4, 3}});
  const Matrix before = at;
  const ExpectedGround expected[] = {{0}, {1}, {1, 0}, {1, 0}, {1, 0}};
  const Relocation relocation = relocate(classifier_, expected, 0.2, at.mut());
  EXPECT_EQ(relocation.relocated, 2);
  const auto verdicts = classifier_.judge(at);
  for (const size_t b : {2u, 3u, 4u}) {
    EXPECT_EQ(verdicts[b].prediction, 1);
    EXPECT_LT(verdicts[b].margin, sample_delta);
  }
  EXPECT_GT(at(2, 0), 5);  // no farther than it must
  EXPECT_EQ(at(3, 0), before(3, 0));
}

TEST_F(RelocationTest, LeavesEverythingWhereNothingIsMisplaced) {
  Matrix at = points({{-1, 0}, {1, 0}});
  const ExpectedGround expected[] = {{0}, {1}};
  EXPECT_EQ(relocate(classifier_, expected, 0.1, at.mut()).misplaced, 0);
}

}  // namespace
}  // namespace dvi
