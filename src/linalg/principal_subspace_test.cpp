#include "linalg/principal_subspace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "core/random.h"

namespace dvi {
namespace {

TEST(SymmetricEigen, DiagonalisesARandomMatrix) {
  const int64_t n = 24;
  Random random(5);
  std::vector<double> a(n * n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = random.normal();
  const Eigen eigen = symmetric_eigen(a, n);
  for (int64_t e = 0; e < n; ++e) {
    EXPECT_GE(eigen.values[std::max<int64_t>(0, e - 1)], eigen.values[e]);
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < n; ++j) sum += a[i * n + j] * eigen.vectors[e * n + j];
      EXPECT_NEAR(sum, eigen.values[e] * eigen.vectors[e * n + i], 1e-8);
    }
  }
}

TEST(PrincipalSubspace, FindsThePlantedDirections) {
  // Coordinates with variance 25, 16, 9, ... in the first dimensions, noise elsewhere, a mean far from zero.
  Random random(7);
  Matrix x(3000, 40);
  for (int64_t i = 0; i < x.rows(); ++i)
    for (int64_t l = 0; l < x.cols(); ++l)
      x(i, l) = static_cast<float>(10 + random.normal() * (l < 4 ? 5.0 - l : 0.1));
  const auto subspace = principal_subspace(x, 4);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(subspace.variance[i], (5. - i) * (5. - i), 2.);
    EXPECT_GT(std::abs(subspace.basis(i, i)), 0.95);
    for (int64_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (int64_t l = 0; l < 40; ++l) dot += subspace.basis(i, l) * subspace.basis(j, l);
      EXPECT_NEAR(dot, i == j, 1e-5);
    }
  }
  EXPECT_GT(subspace.share(4), 0.98);
  Matrix y(x.rows(), 3);
  subspace.project(x, y.mut());
  double direct = 0;
  for (int64_t l = 0; l < 40; ++l) direct += (x(17, l) - subspace.mean[l]) * subspace.basis(2, l);
  EXPECT_NEAR(y(17, 2), direct, 1e-3);
}

TEST(PrincipalSubspace, IsTheSameForAnyNumberOfThreads) {
  Random random(9);
  Matrix x(3000, 40);
  for (int64_t i = 0; i < x.rows() * x.cols(); ++i) x.data()[i] = static_cast<float>(random.normal());
  const auto with = [&](int count) {
    set_threads(count);
    return principal_subspace(x, 8);
  };
  const auto one = with(1), three = with(3);
  set_threads(0);
  EXPECT_TRUE(std::ranges::equal(one.basis.view().span(), three.basis.view().span()));
  EXPECT_EQ(one.variance, three.variance);
}

TEST(PrincipalSubspace, LowRankAndConstantDataGiveAnOrthonormalBasis) {
  Matrix x(100, 10);
  for (int64_t i = 0; i < 100; ++i) x(i, 3) = static_cast<float>(i);
  for (const auto& data : {x, Matrix(50, 10)}) {
    const auto subspace = principal_subspace(data, 5);
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        double dot = 0;
        for (int64_t l = 0; l < 10; ++l) dot += subspace.basis(i, l) * subspace.basis(j, l);
        EXPECT_NEAR(dot, i == j, 1e-5);
      }
  }
}

}  // namespace
}  // namespace dvi
