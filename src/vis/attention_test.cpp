#include "vis/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace dvi {
namespace {

/// logit c = sum over d of weight(c, d) * f_d^2 + slope(c, d) * f_d; linear where the weights are zero, but
/// not telling.
class QuadraticHead : public SubjectModel {
 public:
  QuadraticHead(Matrix weight, Matrix slope) : weight_(std::move(weight)), slope_(std::move(slope)) {}
  int64_t feature_dim() const override { return weight_.cols(); }
  int64_t class_count() const override { return weight_.rows(); }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override {}
  void head(MatrixView f, MutMatrixView logits) override {
    for (int64_t i = 0; i < f.rows; ++i)
      for (int64_t c = 0; c < weight_.rows(); ++c) {
        logits(i, c) = 0;
        for (int64_t d = 0; d < f.cols; ++d)
          logits(i, c) += (weight_(c, d) * f(i, d) + slope_(c, d)) * f(i, d);
      }
  }
  void head_vjp(MatrixView f, MatrixView cotangent, MutMatrixView out) override {
    for (int64_t i = 0; i < f.rows; ++i)
      for (int64_t d = 0; d < f.cols; ++d) {
        out(i, d) = 0;
        for (int64_t c = 0; c < weight_.rows(); ++c)
          out(i, d) += cotangent(i, c) * (2 * weight_(c, d) * f(i, d) + slope_(c, d));
      }
  }
  const LinearHead* linear_head() const override { return nullptr; }

 private:
  Matrix weight_, slope_;
};

Matrix normal_matrix(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) m(i, j) = static_cast<float>(random.normal());
  return m;
}

TEST(Attention, IsTheSoftmaxOfTheTopTwoLogitsDerivatives) {
  const int64_t n = 20, dim = 6, classes = 4;
  QuadraticHead head(normal_matrix(classes, dim, 1), normal_matrix(classes, dim, 2));
  const auto features = normal_matrix(n, dim, 3);
  Matrix logits(n, classes);
  head.head(features, logits.mut());
  const float temperature = 0.7f;
  const auto attention = head_attention(features, logits, head, temperature);
  for (int64_t i = 0; i < n; ++i) {
    std::vector<int64_t> order{0, 1, 2, 3};
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return logits(i, a) > logits(i, b); });
    std::vector<double> expected(dim);
    double sum = 0;
    for (int64_t d = 0; d < dim; ++d) {
      double strength = 0;
      for (const auto c : {order[0], order[1]}) {
        Matrix above(1, dim), below(1, dim), up(1, classes), down(1, classes);
        for (int64_t k = 0; k < dim; ++k) above(0, k) = below(0, k) = features(i, k);
        above(0, d) += 1e-2f;
        below(0, d) -= 1e-2f;
        head.head(above, up.mut());
        head.head(below, down.mut());
        strength += std::abs(up(0, c) - down(0, c)) / (above(0, d) - below(0, d));
      }
      sum += expected[static_cast<size_t>(d)] = std::exp(strength / temperature);
    }
    for (int64_t d = 0; d < dim; ++d)
      EXPECT_NEAR(attention.table(attention.row[static_cast<size_t>(i)], d),
                  expected[static_cast<size_t>(d)] / sum, 2e-3);
  }
}

TEST(Attention, ClosedFormOfALinearHeadAgreesWithItsDerivatives) {
  const int64_t n = 300, dim = 32, classes = 5;
  const auto weight = normal_matrix(classes, dim, 4);
  const auto features = normal_matrix(n, dim, 5);
  QuadraticHead slow(Matrix(classes, dim), weight);
  const auto linear = make_linear_subject({weight, std::vector<float>(classes)});
  Matrix logits(n, classes);
  slow.head(features, logits.mut());
  const auto expected = head_attention(features, logits, slow, 0.1f);
  const auto attention = head_attention(features, logits, *linear, 0.1f);
  EXPECT_LE(attention.table.rows(), classes * (classes - 1) / 2);
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t d = 0; d < dim; ++d) {
      EXPECT_NEAR(attention.table(attention.row[static_cast<size_t>(i)], d), expected.table(i, d), 1e-6);
      sum += attention.table(attention.row[static_cast<size_t>(i)], d);
    }
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(Attention, ShapesMustFit) {
  const auto linear = make_linear_subject({Matrix(3, 4), std::vector<float>(3)});
  EXPECT_THROW(head_attention(Matrix(2, 4), Matrix(2, 4), *linear, 0.1f), Error);
  EXPECT_THROW(head_attention(Matrix(2, 4), Matrix(2, 3), *linear, 0), Error);
}

}  // namespace
}  // namespace dvi
