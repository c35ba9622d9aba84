#include "vis/feature_units.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvi {
namespace {

Matrix random_matrix(int64_t rows, int64_t cols, double shift, uint64_t seed) {
  Random random(seed);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(3 * random.normal() + shift);
  return m;
}

class FeatureUnitsTest : public testing::Test {
 protected:
  Matrix features_ = random_matrix(200, 6, 2, 1), positions_ = random_matrix(200, 2, -5, 2);
  FeatureUnits units_ = FeatureUnits::of(features_, 6);
};

double largest_difference(const Matrix& a, const Matrix& b) {
  double most = 0;
  for (int64_t i = 0; i < a.rows() * a.cols(); ++i)
    most = std::max<double>(most, std::abs(a.data()[i] - b.data()[i]));
  return most;
}

TEST_F(FeatureUnitsTest, GiveVarianceOneAndLeadBack) {
  Matrix x(200, 6), back(200, 6);
  units_.to_units(features_, x.mut());
  double square = 0;
  for (int64_t i = 0; i < 1200; ++i) square += x.data()[i] * x.data()[i] / 1200;
  EXPECT_NEAR(square, 1, 0.02);
  units_.from_units(x, back.mut());
  EXPECT_LT(largest_difference(features_, back), 1e-4);
}

TEST_F(FeatureUnitsTest, AFoldedNetworkDoesTheSameInFeatures) {
  Random random(3);
  const Mlp encoder({6, 8, 8, 3}, random), decoder({2, 8, 8, 6}, random);
  Matrix x(200, 6), expected(200, 3), encoded(200, 3);
  units_.to_units(features_, x.mut());
  encoder.apply(x, expected.mut(), Precision::f32);
  fold_encoder(encoder, units_).apply(features_, encoded.mut(), Precision::f32);
  EXPECT_LT(largest_difference(encoded, expected), 1e-4);

  Matrix decoded(200, 6), folded(200, 6), wanted(200, 6);
  decoder.apply(positions_, decoded.mut(), Precision::f32);
  units_.from_units(decoded, wanted.mut());
  fold_decoder(decoder, units_).apply(positions_, folded.mut(), Precision::f32);
  EXPECT_LT(largest_difference(folded, wanted), 1e-4);
}

TEST_F(FeatureUnitsTest, UnfoldingUndoesFolding) {
  Random random(4);
  const Mlp encoder({6, 8, 8, 3}, random), decoder({2, 8, 8, 6}, random);
  const auto expect_same = [](const Mlp& a, const Mlp& b) {
    ASSERT_EQ(a.parameters().size(), b.parameters().size());
    for (size_t i = 0; i < a.parameters().size(); ++i)
      EXPECT_NEAR(a.parameters()[i], b.parameters()[i], 1e-4);
  };
  expect_same(unfold_encoder(fold_encoder(encoder, units_), units_), encoder);
  expect_same(unfold_decoder(fold_decoder(decoder, units_), units_), decoder);
}

}  // namespace
}  // namespace dvi
