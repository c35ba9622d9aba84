#include "landscape/landscape_parts.h"

#include <gtest/gtest.h>

namespace dvi {
namespace {

TEST(LandscapeParts, CountsPiecesThatAreLargeEnough) {
  Landscape landscape{20, std::vector<uint16_t>(400, 0), {}, {}};
  EXPECT_EQ(landscape_parts(landscape), 1);
  for (int y = 0; y < 20; ++y) landscape.classes[static_cast<size_t>(20 * y + 10)] = 1;  // cuts it in two
  EXPECT_EQ(landscape_parts(landscape), 3);
  landscape.classes[5 * 20 + 3] = 2;  // a speck: 1 of 400
  EXPECT_EQ(landscape_parts(landscape), 4);
  EXPECT_EQ(landscape_parts(landscape, 0.01), 3);
  // Cells that only touch at a corner are not connected.
  landscape.classes[6 * 20 + 4] = 2;
  EXPECT_EQ(landscape_parts(landscape), 5);
}

}  // namespace
}  // namespace dvi
