#include "linalg/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

namespace dvi {
namespace {

class Gemm : public testing::TestWithParam<Precision> {};

TEST_P(Gemm, AgreesWithTheSlowProduct) {
  Random random(3);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool accumulate : {false, true}) {
        const int64_t m = 37, n = 19, k = 53, lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 5, ldc = n + 2;
        std::vector<float> a(static_cast<size_t>((ta ? k : m) * lda)),
            b(static_cast<size_t>((tb ? n : k) * ldb)), c(static_cast<size_t>(m * ldc));
        for (auto* v : {&a, &b, &c})
          for (auto& x : *v) x = static_cast<float>(random.normal());
        const auto before = c;
        gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, accumulate, GetParam());
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < ldc; ++j) {
            const auto at = static_cast<size_t>(i * ldc + j);
            if (j >= n) {
              EXPECT_EQ(c[at], before[at]);
              continue;
            }
            double sum = accumulate ? before[at] : 0.0, magnitude = 1;
            for (int64_t l = 0; l < k; ++l) {
              const double p = static_cast<double>(a[static_cast<size_t>(ta ? l * lda + i : i * lda + l)]) *
                               b[static_cast<size_t>(tb ? j * ldb + l : l * ldb + j)];
              sum += p;
              magnitude += std::abs(p);
            }
            EXPECT_NEAR(c[at], sum, magnitude * (GetParam() == Precision::f32 ? 1e-6 : 8e-3));
          }
      }
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
  gemm_u8s8(m, n, k, a.data(), b.data(), c.data(), n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int32_t sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum += a[static_cast<size_t>(i * k + l)] * b[static_cast<size_t>(j * k + l)];
      EXPECT_EQ(c[static_cast<size_t>(i * n + j)], sum);
    }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Gemm, testing::Values(Precision::f32, Precision::bf16));

}  // namespace
}  // namespace dvi
