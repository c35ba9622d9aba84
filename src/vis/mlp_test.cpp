#include "vis/mlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

Matrix normal_matrix(int64_t rows, int64_t cols, Random& random) {
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) m(i, j) = static_cast<float>(random.normal());
  return m;
}

/// Obvious double-precision forward pass of one row.
std::vector<double> slow_forward(const Mlp& mlp, std::span<const double> parameters, std::vector<double> v) {
  size_t at = 0;
  for (int l = 0; l < mlp.layers(); ++l) {
    const auto w = mlp.weight(l);
    const auto out = static_cast<size_t>(w.rows), in = static_cast<size_t>(w.cols);
    std::vector<double> next(out);
    for (size_t o = 0; o < out; ++o) {
      next[o] = parameters[at + out * in + o];
      for (size_t i = 0; i < in; ++i) next[o] += parameters[at + o * in + i] * v[i];
      if (l + 1 < mlp.layers()) next[o] = std::max(0.0, next[o]);
    }
    at += out * (in + 1);
    v = next;
  }
  return v;
}

/// sum over outputs of output * direction, of all rows.
double slow_projection(const Mlp& mlp, std::span<const double> parameters, MatrixView in,
                       MatrixView direction) {
  double sum = 0;
  for (int64_t i = 0; i < in.rows; ++i) {
    const auto out = slow_forward(mlp, parameters, {in.row(i), in.row(i) + in.cols});
    for (size_t j = 0; j < out.size(); ++j) sum += out[j] * direction(i, static_cast<int64_t>(j));
  }
  return sum;
}

TEST(Mlp, WeightsAreDrawnWithinTheFanInBound) {
  Random random(1);
  const Mlp mlp({100, 50, 2}, random);
  ASSERT_EQ(mlp.parameters().size(), 101u * 50 + 51 * 2);
  double square = 0;
  for (const float w : mlp.weight(0).span()) {
    EXPECT_LE(std::abs(w), 0.1f);
    square += static_cast<double>(w) * w;
  }
  EXPECT_NEAR(square / 5000, 0.01 / 3, 2e-4);  // variance of the uniform distribution
  EXPECT_GT(*std::max_element(mlp.bias(1).begin(), mlp.bias(1).end()), -0.15f);
  EXPECT_EQ(mlp.bias(0).data(), mlp.parameters().data() + 5000);
}

TEST(Mlp, ParametersMustFit) {
  EXPECT_THAT(
      [] {
        Mlp({3, 2}, std::vector<float>(7));
      },
      testing::ThrowsMessage<Error>("a network of widths 3-2 has 8 parameters, but 7 were given"));
  EXPECT_THROW(Mlp({3}, std::vector<float>()), Error);
}

TEST(Mlp, ForwardAndApplyAgreeWithTheSlowPass) {
  set_threads(2);
  Random random(2);
  const Mlp mlp({9, 17, 33, 5}, random);
  const std::vector<double> parameters(mlp.parameters().begin(), mlp.parameters().end());
  const auto in = normal_matrix(700, 9, random);
  Mlp::Trace trace;
  const auto traced = mlp.forward(in, trace, Precision::f32);
  Matrix applied(700, 5);
  mlp.apply(in, applied.mut(), Precision::f32);
  for (int64_t i = 0; i < in.rows(); ++i) {
    const auto expected = slow_forward(mlp, parameters, {in.row(i), in.row(i) + 9});
    for (int64_t j = 0; j < 5; ++j) {
      EXPECT_NEAR(traced(i, j), expected[static_cast<size_t>(j)], 1e-5);
      EXPECT_NEAR(applied(i, j), expected[static_cast<size_t>(j)], 1e-5);
    }
  }
}

TEST(Mlp, GradientsAgreeWithFiniteDifferences) {
  Random random(3);
  const Mlp mlp({6, 11, 7, 3}, random);
  auto in = normal_matrix(5, 6, random);
  const auto direction = normal_matrix(5, 3, random);
  Mlp::Trace trace;
  mlp.forward(in, trace, Precision::f32);
  auto output_gradient = direction;
  std::vector<float> gradient(mlp.parameters().size(), 1.f);  // backward adds to what is there
  Matrix input_gradient(5, 6);
  auto input_gradient_view = input_gradient.mut();
  mlp.backward(in, trace, output_gradient.mut(), gradient, &input_gradient_view, Precision::f32);

  std::vector<double> parameters(mlp.parameters().begin(), mlp.parameters().end());
  const double h = 1e-6;
  for (size_t p = 0; p < parameters.size(); ++p) {
    const double kept = parameters[p];
    parameters[p] = kept + h;
    const double above = slow_projection(mlp, parameters, in, direction);
    parameters[p] = kept - h;
    const double below = slow_projection(mlp, parameters, in, direction);
    parameters[p] = kept;
    EXPECT_NEAR(gradient[p] - 1, (above - below) / (2 * h), 1e-4) << "parameter " << p;
  }
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t j = 0; j < 6; ++j) {
      const float kept = in(i, j);
      const float step = 1.f / 1024;  // exact in float
      in(i, j) = kept + step;
      const double above = slow_projection(mlp, parameters, in, direction);
      const double upper = in(i, j);
      in(i, j) = kept - step;
      const double below = slow_projection(mlp, parameters, in, direction);
      const double width = upper - in(i, j);
      in(i, j) = kept;
      EXPECT_NEAR(input_gradient(i, j), (above - below) / width, 2e-2) << "input " << i << ", " << j;
    }
}

TEST(Mlp, TracesAreReusedForSmallerAndLargerBatches) {
  Random random(4);
  const Mlp mlp({4, 8, 2}, random);
  Mlp::Trace trace;
  for (const int64_t n : {10, 3, 40}) {
    const auto in = normal_matrix(n, 4, random);
    Matrix expected(n, 2);
    mlp.apply(in, expected.mut(), Precision::f32);
    const auto out = mlp.forward(in, trace, Precision::f32);
    ASSERT_EQ(out.rows, n);
    for (int64_t i = 0; i < n; ++i) EXPECT_NEAR(out(i, 1), expected(i, 1), 1e-6);
    Matrix output_gradient(n, 2);
    for (int64_t i = 0; i < n; ++i) output_gradient(i, 0) = 1;
    std::vector<float> gradient(mlp.parameters().size());
    mlp.backward(in, trace, output_gradient.mut(), gradient, nullptr, Precision::f32);
    EXPECT_FLOAT_EQ(gradient[gradient.size() - 2], static_cast<float>(n));  // first output's bias
  }
}

TEST(Mlp, Bfloat16GradientsPointWhereFloat32Does) {
  Random random(5);
  const Mlp mlp({64, 128, 128, 2}, random);
  const auto in = normal_matrix(256, 64, random);
  const auto direction = normal_matrix(256, 2, random);
  std::vector<float> gradients[2];
  Matrix outputs[2];
  for (const auto precision : {Precision::f32, Precision::bf16}) {
    auto& gradient = gradients[static_cast<int>(precision)];
    gradient.resize(mlp.parameters().size());
    Mlp::Trace trace;
    const auto out = mlp.forward(in, trace, precision);
    outputs[static_cast<int>(precision)] = Matrix(256, 2);
    std::copy(out.data, out.data + 512, outputs[static_cast<int>(precision)].data());
    auto output_gradient = direction;
    mlp.backward(in, trace, output_gradient.mut(), gradient, nullptr, precision);
  }
  double dot = 0, a = 0, b = 0, difference = 0, magnitude = 0;
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    dot += static_cast<double>(gradients[0][i]) * gradients[1][i];
    a += static_cast<double>(gradients[0][i]) * gradients[0][i];
    b += static_cast<double>(gradients[1][i]) * gradients[1][i];
  }
  for (int64_t i = 0; i < 256; ++i)
    for (int64_t j = 0; j < 2; ++j) {
      difference += std::pow(outputs[0](i, j) - outputs[1](i, j), 2);
      magnitude += std::pow(outputs[0](i, j), 2);
    }
  EXPECT_GT(dot / std::sqrt(a * b), 0.999);
  EXPECT_NE(gradients[0], gradients[1]);
  EXPECT_LT(std::sqrt(difference / magnitude), 0.02);
}

}  // namespace
}  // namespace dvi
