#include "landscape/palette.h"

#include <gtest/gtest.h>

#include <set>

namespace dvi {
namespace {

// What the page's web/src/color/palette.ts gives for the same class: pictures of both must agree.
TEST(ClassPalette, HasTheColoursOfThePage) {
  EXPECT_EQ(class_palette(10)[0], (Rgb{63, 144, 218}));
  EXPECT_EQ(class_palette(10)[9], (Rgb{146, 218, 221}));
  EXPECT_EQ(class_palette(47)[0], (Rgb{241, 111, 120}));
  EXPECT_EQ(class_palette(47)[1], (Rgb{0, 112, 186}));
  EXPECT_EQ(class_palette(47)[10], (Rgb{148, 92, 0}));
  EXPECT_EQ(class_palette(47)[46], (Rgb{0, 132, 95}));
  EXPECT_EQ(class_palette(1000)[500], (Rgb{255, 158, 151}));
  EXPECT_EQ(class_palette(1000)[999], (Rgb{0, 189, 139}));
}

TEST(ClassPalette, GivesAThousandClassesNearlyAThousandColours) {
  std::set<int> colors;
  for (const Rgb& c : class_palette(1000)) colors.insert(c.r << 16 | c.g << 8 | c.b);
  EXPECT_GT(colors.size(), 950u);
}

TEST(Shade, MixesByConfidenceAndPaintsTheBoundaryWhite) {
  const std::vector<Rgb> palette = {{200, 0, 0}, {0, 0, 100}};
  const std::vector<uint16_t> classes = {0, 1, 0, 0};  // smallest y first
  const std::vector<uint8_t> confidence = {255, 0, 255, 128}, margin = {255, 200, 38, 39};
  const LandscapeStyle style{{0, 0, 0}, 0.f, 1.f, {255, 255, 255}};
  const auto pixels = shade(2, classes, confidence, margin, palette, style);
  EXPECT_EQ(pixels[0], (Rgb{255, 255, 255}));  // m = 38 / 255 < 0.15
  EXPECT_EQ(pixels[1], (Rgb{100, 0, 0}));
  EXPECT_EQ(pixels[2], (Rgb{200, 0, 0}));
  EXPECT_EQ(pixels[3], (Rgb{0, 0, 0}));  // no confidence: ground
}

}  // namespace
}  // namespace dvi
