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

INSTANTIATE_TEST_SUITE_P(Precisions, Gemm, testing::Values(Precision::f32, Precision::bf16));

}  // namespace
}  // namespace dvi
