#include "vis/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/random.h"

namespace dvi {
namespace {

class FftLengths : public testing::TestWithParam<int64_t> {};

TEST_P(FftLengths, AgreesWithTheSlowTransform) {
  const int64_t n = GetParam(), columns = 5;
  Random random(1);
  AlignedVector<float> re(static_cast<size_t>(n * columns)), im(re.size()), scratch;
  for (auto* v : {&re, &im})
    for (auto& x : *v) x = static_cast<float>(random.normal());
  const auto re0 = re, im0 = im;
  const Fft fft(n);
  for (const bool inverse : {false, true}) {
    re = re0;
    im = im0;
    fft.transform(re.data(), im.data(), columns, inverse, scratch);
    for (int64_t k = 0; k < n; ++k)
      for (int64_t c = 0; c < columns; ++c) {
        double a = 0, b = 0;
        for (int64_t j = 0; j < n; ++j) {
          const double angle = (inverse ? 1 : -1) * 2 * std::numbers::pi * static_cast<double>(j * k % n) /
                               static_cast<double>(n);
          const double x = re0[static_cast<size_t>(j * columns + c)],
                       y = im0[static_cast<size_t>(j * columns + c)];
          a += x * std::cos(angle) - y * std::sin(angle);
          b += x * std::sin(angle) + y * std::cos(angle);
        }
        ASSERT_NEAR(re[static_cast<size_t>(k * columns + c)], a, 1e-5 * static_cast<double>(n));
        ASSERT_NEAR(im[static_cast<size_t>(k * columns + c)], b, 1e-5 * static_cast<double>(n));
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Fft, FftLengths, testing::Values(2, 3, 4, 5, 8, 12, 20, 60, 100, 128, 180));

TEST(Fft, GoodLengths) {
  EXPECT_EQ(Fft::good_length(1), 4);
  EXPECT_EQ(Fft::good_length(61), 64);
  EXPECT_EQ(Fft::good_length(129), 144);
}

}  // namespace
}  // namespace dvi
