#include "linalg/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace dvi {
namespace {

class Gemm : public testing::TestWithParam<Precision> {};

TEST_P(Gemm, AgreesWithTheSlowProduct) {
  Random random(3);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool accumulate : {false, true}) {
        const int64_t m = 37, n = 19, k = 53;
        Matrix a(ta ? k : m, ta ? m : k), b(tb ? n : k, tb ? k : n), c(m, n);
        for (auto* matrix : {&a, &b, &c})
          for (int64_t i = 0; i < matrix->rows(); ++i)
            for (int64_t j = 0; j < matrix->cols(); ++j)
              (*matrix)(i, j) = static_cast<float>(random.normal());
        const Matrix before = c;
        const Factor left = ta ? transposed(a) : a, right = tb ? transposed(b) : b;
        if (accumulate)
          multiply_add(left, right, c.mut(), GetParam());
        else
          multiply(left, right, c.mut(), GetParam());
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double sum = accumulate ? before(i, j) : 0.0, magnitude = 1;
            for (int64_t l = 0; l < k; ++l) {
              const double p = static_cast<double>(ta ? a(l, i) : a(i, l)) * (tb ? b(j, l) : b(l, j));
              sum += p;
              magnitude += std::abs(p);
            }
            EXPECT_NEAR(c(i, j), sum, magnitude * (GetParam() == Precision::f32 ? 1e-6 : 8e-3));
          }
      }
}

TEST(GemmShapes, ThatDoNotFitAreRefused) {
  Matrix a(3, 4), b(5, 4), c(3, 5);
  multiply(a, transposed(b), c.mut());
  EXPECT_THROW(multiply(a, b, c.mut()), Error);
  EXPECT_THROW(multiply(transposed(a), transposed(b), c.mut()), Error);
  EXPECT_THROW(multiply(a, transposed(b), c.mut().slice(0, 2)), Error);
}

TEST(GemmIntegers, AreExactAtTheExtremes) {
  const int64_t m = 5, n = 70, k = 301;
  Random random(4);
  std::vector<uint8_t> a(m * k);
  std::vector<int8_t> b(n * k);
  for (auto& v : a)
    v = static_cast<uint8_t>(
        random.below(3) == 0 ? integer_levels() : random.below(static_cast<uint64_t>(integer_levels()) + 1));
  for (auto& v : b)
    v = static_cast<int8_t>(random.below(3) == 0 ? 127 : static_cast<int>(random.below(256)) - 128);
  std::vector<int32_t> c(m * n);
  multiply_u8s8(m, n, k, a.data(), b.data(), c.data());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int32_t sum = 0;
      for (int64_t l = 0; l < k; ++l) sum += a[i * k + l] * b[j * k + l];
      EXPECT_EQ(c[i * n + j], sum);
    }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Gemm, testing::Values(Precision::f32, Precision::bf16));

}  // namespace
}  // namespace dvi
