#include "image/png.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace dvi {
namespace {

TEST(Png, SurvivesWritingAndReading) {
  for (const int64_t channels : {1, 2, 3, 4}) {
    Picture picture{5, 3, channels, {}};
    for (int64_t i = 0; i < 15 * channels; ++i) picture.values.push_back(static_cast<uint8_t>(i * 4));
    const Picture read = decode_png(encode_png(picture), "it");
    EXPECT_EQ(read.width, 5);
    EXPECT_EQ(read.height, 3);
    EXPECT_EQ(read.channels, channels);
    EXPECT_EQ(read.values, picture.values);
  }
  EXPECT_THROW(decode_png("no picture", "it"), Error);
  EXPECT_THROW(encode_png({2, 2, 1, {1, 2, 3}}), Error);
}

TEST(Png, TakesTheChannelsThatAreAskedFor) {
  const Picture clear{2, 1, 2, {200, 255, 200, 0}};
  const std::string bytes = encode_png(clear);
  EXPECT_EQ(decode_png(bytes, "clear").values, clear.values);
  EXPECT_EQ(decode_png(bytes, "clear", 4).values,
            (std::vector<uint8_t>{200, 200, 200, 255, 200, 200, 200, 0}));
  EXPECT_EQ(decode_png(bytes, "clear", 1).values, (std::vector<uint8_t>{200, 0}));  // on black
}

}  // namespace
}  // namespace dvi
