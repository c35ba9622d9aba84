#include "vis/plane_encoder.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

TEST(PlaneEncoder, PutsASampleAtTheMeanOfItsLandmarks) {
  Random random(3);
  PlaneEncoder encoder{Mlp({5, 24, 30}, random), Matrix(30, 2)};
  for (float& p : encoder.network.parameters()) p *= 4;
  for (int64_t i = 0; i < 60; ++i) encoder.landmarks.data()[i] = static_cast<float>(10 * random.normal());
  Matrix features(700, 5), logits(700, 30), places(700, 2);
  for (int64_t i = 0; i < 3500; ++i) features.data()[i] = static_cast<float>(random.normal());
  encoder.apply(features, places.mut());
  encoder.network.apply(features, logits.mut());
  for (int64_t i = 0; i < 700; ++i) {
    double sum = 0, x = 0, y = 0;
    for (int64_t k = 0; k < 30; ++k) {
      const double share = std::exp(double{logits(i, k)});
      sum += share;
      x += share * encoder.landmarks(k, 0);
      y += share * encoder.landmarks(k, 1);
    }
    EXPECT_NEAR(places(i, 0), x / sum, 1e-3);
    EXPECT_NEAR(places(i, 1), y / sum, 1e-3);
  }
}

TEST(PlaneEncoder, WithoutLandmarksTheNetworkGivesCoordinates) {
  Random random(3);
  const PlaneEncoder encoder{Mlp({5, 8, 2}, random), {}};
  Matrix features(3, 5), places(3, 2), expected(3, 2);
  for (int64_t i = 0; i < 15; ++i) features.data()[i] = static_cast<float>(random.normal());
  encoder.apply(features, places.mut());
  encoder.network.apply(features, expected.mut());
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(places.data()[i], expected.data()[i]);
}

}  // namespace
}  // namespace dvi
