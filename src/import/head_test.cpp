#include "import/head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace dvi {
namespace {

struct Example {
  ImportedHead head;
  Matrix features, logits;
};

Example make_example(int64_t n, int64_t d, int64_t c, uint64_t seed = 1) {
  Random random(seed);
  Example e{{Matrix(c, d), std::vector<float>(static_cast<size_t>(c)), ""}, Matrix(n, d), {}};
  for (int64_t i = 0; i < c * d; ++i) e.head.weight.data()[i] = static_cast<float>(random.normal());
  for (float& b : e.head.bias) b = static_cast<float>(random.normal());
  // Like features after a ReLU: not negative, far from centred.
  for (int64_t i = 0; i < n * d; ++i)
    e.features.data()[i] = static_cast<float>(std::max(0.0, random.normal() + 1));
  e.logits = apply_head(e.head, e.features);
  return e;
}

TorchTensor floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {DType::f32, std::move(shape), {bytes.begin(), bytes.end()}};
}

TEST(SolveHead, FindsTheHeadThatMadeTheLogits) {
  const Example e = make_example(300, 20, 4);
  const ImportedHead solved = solve_head(e.features, e.logits);
  for (int64_t i = 0; i < 80; ++i) EXPECT_NEAR(solved.weight.data()[i], e.head.weight.data()[i], 1e-4);
  for (size_t k = 0; k < 4; ++k) EXPECT_NEAR(solved.bias[k], e.head.bias[k], 1e-3);
  EXPECT_LT(head_residual(solved, e.features, e.logits), 1e-5);
}

TEST(SolveHead, DeadAndDuplicateFeaturesAndFewSamplesStillReproduceTheLogits) {
  Example e = make_example(300, 20, 4);
  for (int64_t i = 0; i < 300; ++i) {
    e.features(i, 3) = 0;
    e.features(i, 5) = e.features(i, 6);
  }
  e.logits = apply_head(e.head, e.features);
  EXPECT_LT(head_residual(solve_head(e.features, e.logits), e.features, e.logits), 1e-4);
  const Example few = make_example(10, 20, 4);
  EXPECT_LT(head_residual(solve_head(few.features, few.logits), few.features, few.logits), 1e-4);
  Example dead = make_example(30, 5, 3);
  std::fill_n(dead.features.data(), 150, 0.f);
  dead.logits = apply_head(dead.head, dead.features);
  EXPECT_LT(head_residual(solve_head(dead.features, dead.logits), dead.features, dead.logits), 1e-5);
}

TEST(SolveHead, TheResidualTellsALogitThatIsNotLinear) {
  Example e = make_example(300, 20, 4);
  for (int64_t i = 0; i < 1200; ++i) e.logits.data()[i] = std::abs(e.logits.data()[i]);
  const double residual = head_residual(solve_head(e.features, e.logits), e.features, e.logits);
  EXPECT_GT(residual, 0.05);
  EXPECT_LT(residual, 1.0);
}

TEST(HeadsByName, NamedLikeAHeadFirstThenTheLast) {
  std::vector<float> values(12);
  const auto with = [&](float mark) {
    values[0] = mark;
    return floats({3, 4}, values);
  };
  const std::vector<NamedTensor> state = {
      {"body.0.weight", with(1)},     {"body.0.bias", floats({3}, {1, 1, 1})},
      {"prediction.weight", with(2)}, {"prediction.bias", floats({3}, {4, 5, 6})},
      {"last.weight", with(3)},       {"other.weight", floats({4, 3}, values)},
  };
  const auto heads = heads_by_name(state, 3, 4);
  ASSERT_EQ(heads.size(), 3u);
  EXPECT_EQ(heads[0].name, "prediction.weight");
  EXPECT_EQ(heads[0].bias, (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(heads[0].weight(0, 0), 2);
  EXPECT_EQ(heads[1].name, "last.weight");
  EXPECT_EQ(heads[1].bias, (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(heads[2].name, "body.0.weight");
  EXPECT_TRUE(heads_by_name(state, 5, 4).empty());
}

}  // namespace
}  // namespace dvi
