#include "linalg/principal_subspace.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "core/random.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t sample_limit = 8192, row_block = 512;

/// Rows of q [r, D] made orthonormal by Gram-Schmidt, done twice, which is enough (Kahan's "twice is
/// enough").
void orthonormalise(Matrix& q, Random& random) {
  const int64_t d = q.cols();
  for (int64_t i = 0; i < q.rows(); ++i) {
    float* row = q.row(i);
    for (int attempt = 0; attempt < 3; ++attempt) {
      for (int pass = 0; pass < 2; ++pass)
        for (int64_t j = 0; j < i; ++j) {
          const float* other = q.row(j);
          double dot = 0;
          for (int64_t l = 0; l < d; ++l) dot += static_cast<double>(row[l]) * other[l];
          for (int64_t l = 0; l < d; ++l) row[l] -= static_cast<float>(dot) * other[l];
        }
      double norm = 0;
      for (int64_t l = 0; l < d; ++l) norm += static_cast<double>(row[l]) * row[l];
      norm = std::sqrt(norm);
      if (norm > 1e-12) {
        for (int64_t l = 0; l < d; ++l) row[l] = static_cast<float>(row[l] / norm);
        if (norm > 1e-6) break;  // else what is left is rounding noise: clean it once more
      } else {
        for (int64_t l = 0; l < d; ++l)
          row[l] = static_cast<float>(random.normal());  // the data have a lower rank
      }
    }
  }
}

/// out [r, D] = q [r, D] * x^T x for centred x [n, D].
Matrix apply_covariance(const Matrix& q, const Matrix& x) {
  const int64_t r = q.rows(), d = q.cols(), n = x.rows();
  // As many sums whatever the number of threads, so that they are rounded alike.
  const int64_t parts = std::clamp<int64_t>(n / row_block, 1, 8);
  std::vector<Matrix> partial(static_cast<size_t>(parts));
  parallel_for(parts, 1, [&](int64_t part, int64_t, int) {
    auto& sum = partial[static_cast<size_t>(part)];
    sum = Matrix(r, d);
    Matrix y(row_block, r);
    for (int64_t begin = part * row_block; begin < n; begin += parts * row_block) {
      const int64_t rows = std::min(row_block, n - begin);
      const MatrixView block = x.view().slice(begin, rows);
      multiply(block, transposed(q), y.mut().slice(0, rows));
      multiply_add(transposed(y.mut().slice(0, rows)), block, sum.mut());
    }
  });
  for (size_t w = 1; w < partial.size(); ++w)
    for (int64_t i = 0; i < r * d; ++i) partial[0].data()[i] += partial[w].data()[i];
  return std::move(partial[0]);
}

}  // namespace

double PrincipalSubspace::share(int64_t r) const {
  if (total_variance <= 0) return 1;
  return std::accumulate(variance.begin(), variance.begin() + r, 0.0) / total_variance;
}

void PrincipalSubspace::project(MatrixView x, MutMatrixView out) const {
  const int64_t d = feature_dim(), r = out.cols;
  // (x - mean) B^T = x B^T - mean B^T, but subtracting first keeps the digits when the mean is large.
  constexpr int64_t piece = 256;  // as rows are shared by ranks
  parallel_for(x.rows, piece, [&](int64_t begin, int64_t end, int) {
    Matrix centred(end - begin, d);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t l = 0; l < d; ++l) centred(i - begin, l) = x(i, l) - mean[l];
    multiply(centred, transposed(basis.view().slice(0, r)), out.slice(begin, end - begin));
  });
}

PrincipalSubspace principal_subspace(MatrixView x, int64_t r, uint64_t seed) {
  const int64_t d = x.cols;
  r = std::min(r, d);
  Random random(seed, 0x9ca);
  std::vector<int32_t> ids(x.rows);
  std::iota(ids.begin(), ids.end(), 0);
  if (x.rows > sample_limit) {
    for (size_t i = 0; i < sample_limit; ++i) std::swap(ids[i], ids[i + random.below(ids.size() - i)]);
    ids.resize(sample_limit);
    std::sort(ids.begin(), ids.end());
  }
  Matrix sample = gather_rows(x, ids);
  const int64_t n = sample.rows();

  PrincipalSubspace result;
  std::vector<double> mean(d, 0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t l = 0; l < d; ++l) mean[l] += sample(i, l);
  for (auto& m : mean)
    result.mean.push_back(static_cast<float>(m / static_cast<double>(std::max<int64_t>(1, n))));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t l = 0; l < d; ++l) {
      sample(i, l) -= result.mean[l];
      result.total_variance += static_cast<double>(sample(i, l)) * sample(i, l);
    }
  result.total_variance /= static_cast<double>(std::max<int64_t>(1, n));

  // A few directions more than asked make the last ones asked for accurate.
  const int64_t wide = std::min(d, r + 8);
  Matrix q(wide, d);
  for (int64_t i = 0; i < wide * d; ++i) q.data()[i] = static_cast<float>(random.normal());
  constexpr int iterations = 3;
  for (int i = 0; i < iterations; ++i) {
    orthonormalise(q, random);
    q = apply_covariance(q, sample);
  }
  orthonormalise(q, random);

  // Rayleigh-Ritz: the best directions within the span.
  const Matrix cq = apply_covariance(q, sample);
  std::vector<double> small(wide * wide);
  for (int64_t i = 0; i < wide; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (int64_t l = 0; l < d; ++l) dot += static_cast<double>(q(i, l)) * cq(j, l);
      small[i * wide + j] = small[j * wide + i] = dot / static_cast<double>(std::max<int64_t>(1, n));
    }
  const Eigen eigen = symmetric_eigen(std::move(small), wide);
  result.basis = Matrix(r, d);
  for (int64_t i = 0; i < r; ++i) {
    result.variance.push_back(static_cast<float>(std::max(0.0, eigen.values[i])));
    for (int64_t j = 0; j < wide; ++j) {
      const auto c = static_cast<float>(eigen.vectors[i * wide + j]);
      for (int64_t l = 0; l < d; ++l) result.basis(i, l) += c * q(j, l);
    }
  }
  orthonormalise(result.basis, random);
  return result;
}

Eigen symmetric_eigen(std::vector<double> a, int64_t n) {
  std::vector<double> v(n * n, 0.0);
  const auto at = [n](int64_t i, int64_t j) { return static_cast<size_t>(i * n + j); };
  for (int64_t i = 0; i < n; ++i) v[at(i, i)] = 1;
  double scale = 0;
  for (const double x : a) scale += x * x;
  for (int sweep = 0; sweep < 30; ++sweep) {
    double off = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j) off += a[at(i, j)] * a[at(i, j)];
    if (off <= 1e-22 * scale) break;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        if (a[at(p, q)] * a[at(p, q)] <= 1e-26 * scale / static_cast<double>(n * n)) continue;
        const double theta = (a[at(q, q)] - a[at(p, p)]) / (2 * a[at(p, q)]);
        const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        // Symmetric: rotate rows, then mirror the two changed columns, which keeps memory access along rows.
        double* rp = &a[at(p, 0)];
        double* rq = &a[at(q, 0)];
        const double app = rp[p], aqq = rq[q], apq = rp[q];
        for (int64_t l = 0; l < n; ++l) {
          const double x = rp[l], y = rq[l];
          rp[l] = c * x - s * y;
          rq[l] = s * x + c * y;
        }
        rp[p] = app - t * apq;
        rq[q] = aqq + t * apq;
        rp[q] = rq[p] = 0;
        for (int64_t l = 0; l < n; ++l) {
          if (l == p || l == q) continue;
          a[at(l, p)] = rp[l];
          a[at(l, q)] = rq[l];
        }
        double* vp = &v[at(p, 0)];
        double* vq = &v[at(q, 0)];
        for (int64_t l = 0; l < n; ++l) {
          const double x = vp[l], y = vq[l];
          vp[l] = c * x - s * y;
          vq[l] = s * x + c * y;
        }
      }
  }
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return a[at(i, i)] > a[at(j, j)]; });
  Eigen eigen;
  for (const int64_t i : order) {
    eigen.values.push_back(a[at(i, i)]);
    eigen.vectors.insert(eigen.vectors.end(), v.begin() + i * n, v.begin() + (i + 1) * n);
  }
  return eigen;
}

}  // namespace dvi
