#include "render/territory_image.h"

#include <gtest/gtest.h>

#include "render/class_names.h"
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
    classes[static_cast<size_t>(i)] = row >= 48 ? 1 : 0;
    if (row == 47 || row == 48) margin[static_cast<size_t>(i)] = 0;
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
  for (const int side : {32, 64, 400}) {
    const auto image = territory_image(territory, palette, light, side);
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

TEST(ClassNames, StandInTheWidestPartOfTheirTerritory) {
  const TemporaryFolder folder;
  const Territory territory = two_classes(folder);
  const auto anchors = name_anchors(territory.size, territory.classes.as<uint16_t>(), {{0, 0, 1, 1}, {}, {}});
  ASSERT_EQ(anchors.size(), 2u);
  EXPECT_EQ(anchors[0].class_index, 0);  // the larger first
  EXPECT_NEAR(anchors[0].share, 0.75, 0.01);
  EXPECT_NEAR(anchors[0].y, 0.375, 0.05);
  EXPECT_NEAR(anchors[1].y, 0.875, 0.05);
}

TEST(ClassNames, StandAmongTheirSamplesWhereThereAreSome) {
  const TemporaryFolder folder;
  const Territory territory = two_classes(folder);
  const std::vector<float> positions = {2, 1, 2.1f, 1, 9, 9};
  const std::vector<int32_t> predictions = {0, 0, 0};
  const auto anchors = name_anchors(territory.size, territory.classes.as<uint16_t>(),
                                    {{0, 0, 10, 10}, positions, predictions});
  EXPECT_NEAR(anchors[0].x, 0.205, 0.05);
  EXPECT_NEAR(anchors[0].y, 0.1, 0.05);
  EXPECT_NEAR(anchors[1].y, 0.875, 0.05);
}

TEST(ClassNames, GlideJumpAppearAndVanish) {
  const std::vector<NameAnchor> a{{0, 0.2, 0.2, 0.5, 0.1, 1}, {1, 0.8, 0.8, 0.5, 0.1, 1}},
      b{{0, 0.3, 0.2, 0.5, 0.1, 1}, {2, 0.5, 0.5, 0.5, 0.1, 1}};
  const auto mixed = mix_anchors(a, b, 0.25);
  ASSERT_EQ(mixed.size(), 3u);
  EXPECT_NEAR(mixed[0].x, 0.225, 1e-12);
  EXPECT_EQ(mixed[0].opacity, 1);
  EXPECT_NEAR(mixed[1].opacity, 0.75, 1e-12);
  EXPECT_NEAR(mixed[2].opacity, 0.25, 1e-12);
  const std::vector<NameAnchor> far{{0, 0.9, 0.9, 0.5, 0.1, 1}};
  EXPECT_EQ(mix_anchors({a[0]}, far, 0.5)[0].opacity, 0);
  EXPECT_EQ(mix_anchors({a[0]}, far, 0.75)[0].x, 0.9);
}

}  // namespace
}  // namespace dvi
