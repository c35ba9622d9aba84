#include "render/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/file.h"

namespace dvi {
namespace {

using testing::ElementsAreArray;

/// Of a case of tests/class-names/cases.json, which web/src/picture/class-names.test.ts answers too.
std::vector<NameAnchor> anchors_of(const Json& moment) {
  static const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::vector<uint16_t> classes;
  for (const std::string row : moment["classes"])
    for (const char letter : row) classes.push_back(static_cast<uint16_t>(letters.find(letter)));
  std::vector<float> positions;
  std::vector<int32_t> predictions;
  for (const Json& sample : moment["samples"]) {
    positions.push_back(sample[0]);
    positions.push_back(sample[1]);
    predictions.push_back(sample[2]);
  }
  return name_anchors(static_cast<int64_t>(moment["classes"].size()), classes,
                      {{0, 0, 1, 1}, positions, predictions});
}

void expect_anchors(const std::vector<NameAnchor>& found, const Json& rows) {
  ASSERT_EQ(found.size(), rows.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const NameAnchor& a = found[i];
    EXPECT_EQ(a.class_index, rows[i][0]) << i;
    const double values[] = {a.x, a.y, a.share, a.room, a.opacity};
    for (size_t k = 0; k < 5; ++k)
      EXPECT_NEAR(values[k], rows[i][k + 1].get<double>(), 2e-6) << i << " " << k;
  }
}

/// Class 0 in the lower three quarters, class 1 above.
std::vector<NameAnchor> anchors_over_two(const std::vector<float>& positions,
                                         const std::vector<int32_t>& predictions) {
  std::vector<uint16_t> classes(64 * 64, 0);
  std::fill(classes.begin() + 64 * 48, classes.end(), uint16_t{1});
  return name_anchors(64, classes, {{0, 0, 10, 10}, positions, predictions});
}

TEST(ClassNames, StandAmongTheirSamplesOrNotAtAll) {
  EXPECT_TRUE(anchors_over_two({}, {}).empty());
  // Two of class 0, one of class 1 on the wrong ground.
  const auto anchors = anchors_over_two({2, 1, 2.1f, 1, 5, 3}, {0, 0, 1});
  ASSERT_EQ(anchors.size(), 1u);
  EXPECT_EQ(anchors[0].class_index, 0);
  EXPECT_NEAR(anchors[0].share, 0.75, 0.01);
  EXPECT_NEAR(anchors[0].x, 0.205, 0.05);
  EXPECT_NEAR(anchors[0].y, 0.1, 0.05);
  EXPECT_EQ(anchors_over_two({2, 1, 5, 9}, {0, 1}).size(), 2u);
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

TEST(ClassNames, StandWhereThePageWritesThem) {
  const Json cases = read_json(DVI_CLASS_NAME_CASES);
  ASSERT_GE(cases.size(), 3u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one["name"]);
    const auto first = anchors_of(one["first"]);
    expect_anchors(first, one["anchors"]);
    const auto mixed = mix_anchors(first, anchors_of(one["second"]), one["mixture"]);
    expect_anchors(mixed, one["mixed"]);
    const double width = one["plot"][0], height = one["plot"][1];
    std::vector<ClassName> names;
    for (const NameAnchor& a : mixed)
      names.push_back({a.class_index, a.x * width, (1 - a.y) * height, one["widths"][a.class_index],
                       a.room * std::min(width, height), a.opacity});
    std::vector<int> placed;
    for (const ClassName& name : place_names(names, width, height, one["line"]))
      placed.push_back(name.class_index);
    EXPECT_THAT(placed, ElementsAreArray(one["placed"].get<std::vector<int>>()));
  }
}

}  // namespace
}  // namespace dvi
