// The principal subspace of a set of vectors, by randomized subspace iteration (Halko, Martinsson & Tropp,
// SIAM Review 2011, algorithm 4.4). Classifier features lie close to a subspace of few dimensions, which
// makes neighbour search and training cheap.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

struct PrincipalSubspace {
  std::vector<float> mean;      ///< [D]
  Matrix basis;                 ///< [r, D], orthonormal rows, by falling variance
  std::vector<float> variance;  ///< [r] along each row
  double total_variance = 0;    ///< of the data, all D dimensions

  int64_t dimensions() const { return basis.rows(); }
  int64_t feature_dim() const { return basis.cols(); }
  /// Share of the variance that the first `r` dimensions hold, in [0, 1].
  double share(int64_t r) const;
  /// out [n, out.cols] = coordinates of x [n, D] along the first out.cols basis rows.
  void project(MatrixView x, MutMatrixView out) const;
};

/// The `r` (clipped to D) leading directions, estimated from at most 8,192 rows of x [n, D] drawn with
/// `seed`; the same for any number of threads.
PrincipalSubspace principal_subspace(MatrixView x, int64_t r, uint64_t seed = 1);

/// Eigenvalues (falling) and eigenvectors (rows) of a symmetric [n, n] matrix by cyclic Jacobi rotations
/// (Golub & Van Loan, 8.5).
struct Eigen {
  std::vector<double> values;
  std::vector<double> vectors;  ///< [n, n], row i belongs to value i
};
Eigen symmetric_eigen(std::vector<double> matrix, int64_t n);

}  // namespace dvi
