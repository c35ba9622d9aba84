#include "server/png.h"

#include <gtest/gtest.h>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

TEST(Png, SurvivesWritingAndReading) {
  for (const int64_t channels : {1, 2, 3, 4}) {
    Picture picture{5, 3, channels, {}};
    for (int64_t i = 0; i < 15 * channels; ++i) picture.values.push_back(static_cast<uint8_t>(i * 4));
    const Picture read = decode_png(encode_png(picture));
    EXPECT_EQ(read.width, 5);
    EXPECT_EQ(read.height, 3);
    EXPECT_EQ(read.channels, channels);
    EXPECT_EQ(read.values, picture.values);
  }
  EXPECT_NE(error_of([] { decode_png("no picture"); }), "");
  EXPECT_NE(error_of([] { encode_png({2, 2, 1, {1, 2, 3}}); }), "");
}

TEST(Png, FitsIntoASquare) {
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
