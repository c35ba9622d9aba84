#include "image/resize.h"

#include <gmock/gmock.h>

namespace dvi {
namespace {

using testing::ElementsAre;

TEST(Resize, OfTheSameSizeIsTheSame) {
  const Picture picture{3, 2, 1, {1, 2, 3, 40, 50, 60}};
  EXPECT_EQ(resized(picture, 3, 2).values, picture.values);
}

TEST(Resize, APixelIsTheMeanOfWhatItCovers) {
  const Picture picture{4, 2, 1, {0, 10, 100, 110, 20, 30, 120, 130}};
  EXPECT_THAT(resized(picture, 2, 1).values, ElementsAre(15, 115));
}

TEST(Resize, TakesTheMiddleOfAWidePicture) {
  const Picture picture{6, 2, 1, {9, 9, 1, 2, 9, 9, 9, 9, 3, 4, 9, 9}};
  EXPECT_THAT(resized(picture, 2, 2).values, ElementsAre(1, 2, 3, 4));
}

TEST(Resize, EnlargesBetweenNeighboursChannelByChannel) {
  const Picture picture{2, 1, 2, {0, 100, 40, 200}};
  const Picture large = resized(picture, 4, 2);
  EXPECT_EQ(large.channels, 2);
  EXPECT_THAT(large.values,
              ElementsAre(0, 100, 10, 125, 30, 175, 40, 200, 0, 100, 10, 125, 30, 175, 40, 200));
}

}  // namespace
}  // namespace dvi
