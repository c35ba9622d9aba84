#include "vis/repulsion_field.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace dvi {
namespace {

class RepulsionFieldScales : public testing::TestWithParam<float> {};

TEST_P(RepulsionFieldScales, AgreesWithAllPairs) {
  // Some clumps and a background, as pictures are.
  const int64_t n = 700, m = 50;
  Random random(9);
  Matrix points(n, 2), places(m, 2);
  for (int64_t i = 0; i < n; ++i)
    for (int c = 0; c < 2; ++c)
      points(i, c) =
          GetParam() * static_cast<float>(i % 3 == 0 ? random.normal()
                                                     : 0.1 * random.normal() +
                                                           static_cast<double>((i % 7) - 3) * (c + 1) / 3);
  for (int64_t i = 0; i < m; ++i)
    for (int c = 0; c < 2; ++c) places(i, c) = 0.5f * (points(i, c) + points(i + m, c));
  RepulsionField field;
  for (int repeat = 0; repeat < 2; ++repeat) field.set_sources(points);
  Matrix forces(m, 2);
  field.forces(places, forces.mut());
  double z = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double dx = points(i, 0) - points(j, 0), dy = points(i, 1) - points(j, 1);
      z += 1 / (1 + dx * dx + dy * dy);
    }
  EXPECT_NEAR(field.normaliser() / z, 1, 0.02);
  double error = 0, size = 0;
  for (int64_t i = 0; i < m; ++i) {
    double fx = 0, fy = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double dx = places(i, 0) - points(j, 0), dy = places(i, 1) - points(j, 1),
                   k = 1 / (1 + dx * dx + dy * dy);
      fx += k * k * dx;
      fy += k * k * dy;
    }
    error += (fx - forces(i, 0)) * (fx - forces(i, 0)) + (fy - forces(i, 1)) * (fy - forces(i, 1));
    size += fx * fx + fy * fy;
  }
  EXPECT_LT(std::sqrt(error / size), 0.06);
}

INSTANTIATE_TEST_SUITE_P(Scales, RepulsionFieldScales, testing::Values(1e-3f, 1.f, 10.f));

}  // namespace
}  // namespace dvi
