#include "render/territory_image.h"

#include <gtest/gtest.h>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

/// Class 0 in the lower three quarters, class 1 above; the margin is small only next to the border.
Territory two_classes(const TemporaryFolder& folder) {
  constexpr int64_t size = 64;
  std::vector<uint16_t> classes(size * size);
  std::vector<uint8_t> confidence(size * size, 255), margin(size * size, 255);
  for (int64_t i = 0; i < size * size; ++i) {
    const int64_t row = i / size;
    classes[i] = row >= 48 ? 1 : 0;
    if (row == 47 || row == 48) margin[i] = 0;
  }
  const int64_t shape[] = {size, size};
  write_npy<uint16_t>(folder / "class.npy", shape, classes);
  write_npy<uint8_t>(folder / "confidence.npy", shape, confidence);
  write_npy<uint8_t>(folder / "margin.npy", shape, margin);
  return {size, NpyArray::open(folder / "class.npy"), NpyArray::open(folder / "confidence.npy"),
          NpyArray::open(folder / "margin.npy")};
}

TEST(TerritoryImage, IsColouredByClassWithAPaleBorderAtAnySize) {
  const TemporaryFolder folder;
  const Territory territory = two_classes(folder);
  const auto palette = class_palette(2);
  const Theme& light = theme(false);
  const std::vector<uint8_t> everywhere(64 * 64, 255);
  for (const int side : {32, 64, 400}) {
    const auto image = territory_image(territory, everywhere, palette, light, side);
    ASSERT_EQ(image.pixels.size(), static_cast<size_t>(side * side));
    const auto row = [&](double share) {
      return image.pixels[static_cast<size_t>(share * side) * static_cast<size_t>(side) +
                          static_cast<size_t>(side / 2)];
    };
    const auto full = [&](size_t c) {
      return mix(light.landscape.ground, palette[c], light.landscape.high_share);
    };
    EXPECT_EQ(row(0.9), full(0)) << side;  // the first row is at the top
    EXPECT_EQ(row(0.1), full(1)) << side;
    const Rgb border = row(0.25);
    if (side > 64) {  // a smaller image has no pixel just there
      EXPECT_GT(border.r + border.g + border.b, 3 * 245);
    }
  }
}

TEST(TerritoryImage, CrossFadesFromOneToTheOther) {
  const TerritoryImage a{1, {{0, 100, 200}}}, b{1, {{100, 200, 0}}};
  EXPECT_EQ(cross_fade(a, b, 0).pixels, a.pixels);
  EXPECT_EQ(cross_fade(a, b, 1).pixels, b.pixels);
  EXPECT_EQ(cross_fade(a, b, 0.5).pixels[0], (Rgb{50, 150, 100}));
}

TEST(TerritoryImage, FadesToGroundBeyondSamples) {
  const TemporaryFolder folder;
  const Territory territory = two_classes(folder);
  const auto palette = class_palette(2);
  for (const bool dark : {false, true}) {
    std::vector<uint8_t> fade(64 * 64, 255);
    std::fill(fade.begin(), fade.begin() + 64 * 20, uint8_t{0});  // below
    const auto image = territory_image(territory, fade, palette, theme(dark), 64);
    EXPECT_EQ(image.pixels[60 * 64 + 5], theme(dark).landscape.ground);
    EXPECT_NE(image.pixels[30 * 64 + 5], theme(dark).landscape.ground);
  }
}

}  // namespace
}  // namespace dvi
