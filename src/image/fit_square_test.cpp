#include "image/fit_square.h"

#include <gtest/gtest.h>

namespace dvi {
namespace {

TEST(FitSquare, CentresAveragesAndRepeats) {
  const Picture wide{4, 2, 1, {0, 100, 200, 40, 20, 120, 220, 60}};
  const Picture same = fit_square(wide, 4);
  EXPECT_EQ(same.values[3], 0);  // transparent above
  EXPECT_EQ(same.values[4 * 4 + 3], 255);
  EXPECT_EQ(same.values[(1 * 4 + 2) * 4], 200);
  const Picture half = fit_square(wide, 2);
  EXPECT_EQ(half.values[0], 60);  // the mean of 0, 100, 20, 120
  const Picture twice = fit_square(wide, 8);
  EXPECT_EQ(twice.values[(2 * 8 + 3) * 4], 100);
  EXPECT_EQ(twice.values[(3 * 8 + 3) * 4], 100);
}

}  // namespace
}  // namespace dvi
