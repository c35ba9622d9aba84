#include "vis/paper_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace dvi {
namespace {

const UmapCurve curve{1.577f, 0.895f};

Matrix normal_matrix(int64_t rows, int64_t cols, double deviation, uint64_t seed) {
  Random random(seed);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) m(i, j) = static_cast<float>(deviation * random.normal());
  return m;
}

/// The definition, with positions in double precision: ends[0] the `from`, ends[1] the `to` ends, x and y of
/// each edge.
double slow_cross_entropy(const std::vector<double> (&ends)[2], const Negatives& negatives) {
  const auto m = ends[0].size() / 2;
  const auto q = [&](size_t i, size_t j) {
    const double d = std::hypot(ends[0][2 * i] - ends[1][2 * j], ends[0][2 * i + 1] - ends[1][2 * j + 1]);
    return 1 / (1 + static_cast<double>(curve.a) * std::pow(d, 2 * static_cast<double>(curve.b)));
  };
  double sum = 0;
  for (size_t e = 0; e < m; ++e) sum -= std::log(std::clamp(q(e, e), 1e-4, 1.0));
  const auto per_edge = static_cast<size_t>(negatives.per_edge);
  for (size_t k = 0; k < m * per_edge; ++k)
    sum -= std::log(
        std::clamp(1 - q(k / per_edge, static_cast<size_t>(negatives.other[k]) / per_edge), 1e-4, 1.0));
  return sum / static_cast<double>(m * (1 + per_edge));
}

TEST(Negatives, AreAPermutationAndItsInverse) {
  Random random(1);
  Negatives negatives;
  negatives.draw(100, 5, random);
  ASSERT_EQ(negatives.other.size(), 500u);
  auto sorted = negatives.other;
  std::sort(sorted.begin(), sorted.end());
  int fixed = 0;
  for (int32_t k = 0; k < 500; ++k) {
    EXPECT_EQ(sorted[static_cast<size_t>(k)], k);
    EXPECT_EQ(negatives.other[static_cast<size_t>(negatives.inverse[static_cast<size_t>(k)])], k);
    fixed += negatives.other[static_cast<size_t>(k)] == k;
  }
  EXPECT_LT(fixed, 10);
}

TEST(UmapCrossEntropy, AgreesWithItsDefinitionAndFiniteDifferences) {
  const int64_t m = 40;
  const auto from = normal_matrix(m, 2, 3, 2);
  auto to = normal_matrix(m, 2, 3, 3);
  to(0, 0) = from(0, 0) + 300;  // an edge so long that its probability is clamped
  to(1, 0) = from(2, 0) + 0.001f;
  to(1, 1) = from(2, 1);  // a pair so near that it may be clamped as a negative
  Random random(4);
  Negatives negatives;
  negatives.draw(m, 5, random);
  for (size_t k = 10; k < 500; ++k)  // make it one: edge 2's first negative is edge 1's end
    if (negatives.other[k % 200] == 5) std::swap(negatives.other[k % 200], negatives.other[10]);
  ASSERT_EQ(negatives.other[10], 5);
  for (size_t k = 0; k < 200; ++k)
    negatives.inverse[static_cast<size_t>(negatives.other[k])] = static_cast<int32_t>(k);

  Matrix gradients[2] = {Matrix(m, 2), Matrix(m, 2)};
  double loss = 0;
  for (const auto& [begin, end] : {std::pair(0, 13), std::pair(13, 40)})  // two workers
    loss +=
        umap_cross_entropy(curve, from, to, negatives, begin, end, gradients[0].mut(), gradients[1].mut());

  std::vector<double> ends[2] = {{from.data(), from.data() + 2 * m}, {to.data(), to.data() + 2 * m}};
  EXPECT_NEAR(loss, slow_cross_entropy(ends, negatives), 1e-5);
  for (const int side : {0, 1})
    for (size_t i = 0; i < ends[side].size(); ++i) {
      const double kept = ends[side][i], h = 1e-6;
      ends[side][i] = kept + h;
      const double above = slow_cross_entropy(ends, negatives);
      ends[side][i] = kept - h;
      const double below = slow_cross_entropy(ends, negatives);
      ends[side][i] = kept;
      EXPECT_NEAR(gradients[side].data()[i], (above - below) / (2 * h), 1e-6) << side << ", " << i;
    }
}

TEST(UmapCrossEntropy, CoincidingPointsHaveNoGradient) {
  Random random(5);
  Negatives negatives;
  negatives.draw(3, 5, random);
  Matrix from(3, 2), to(3, 2), from_gradient(3, 2), to_gradient(3, 2);
  const double loss =
      umap_cross_entropy(curve, from, to, negatives, 0, 3, from_gradient.mut(), to_gradient.mut());
  EXPECT_NEAR(loss, 5. / 6 * -std::log(1e-4), 1e-5);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(from_gradient.data()[i], 0);
    EXPECT_EQ(to_gradient.data()[i], 0);
  }
}

TEST(ReconstructionLoss, AgreesWithItsDefinitionAndFiniteDifferences) {
  const int64_t n = 4, dim = 37;  // not a multiple of the vector length
  const auto features = normal_matrix(n, dim, 1, 6), reconstructions = normal_matrix(n, dim, 1, 7);
  auto weight = normal_matrix(2, dim, 1, 8);
  for (int64_t d = 0; d < 2 * dim; ++d) weight.data()[d] = 1 + std::abs(weight.data()[d]);
  const std::vector<const float*> weights{weight.row(0), weight.row(1), weight.row(1), weight.row(0)};
  const float scale = 0.01f;
  auto gradient = reconstructions;
  const double loss = reconstruction_loss(features, weights, scale, gradient.mut());
  double expected = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t d = 0; d < dim; ++d) {
      const auto term = [&](double reconstruction) {
        return static_cast<double>(scale) * weights[static_cast<size_t>(i)][d] *
               std::pow(features(i, d) - reconstruction, 2);
      };
      const double y = reconstructions(i, d);
      expected += term(y);
      EXPECT_NEAR(gradient(i, d), (term(y + 1e-4) - term(y - 1e-4)) / 2e-4, 1e-6);
    }
  EXPECT_NEAR(loss, expected, 1e-5 * expected);
}

TEST(WeightPenalty, AgreesWithItsDefinition) {
  const int64_t n = 5003;
  const auto now = normal_matrix(1, n, 1, 9), before = normal_matrix(1, n, 1, 10);
  std::vector<float> gradient(static_cast<size_t>(n), 0.5f);
  const double loss = weight_penalty(now.view().span(), before.view().span(), 0.2f, gradient);
  double expected = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double change = static_cast<double>(now(0, i)) - before(0, i);
    expected += 0.2 * change * change;
    EXPECT_NEAR(gradient[static_cast<size_t>(i)], 0.5 + 0.4 * change, 1e-6);
  }
  EXPECT_NEAR(loss, expected, 1e-5 * expected);
}

}  // namespace
}  // namespace dvi
