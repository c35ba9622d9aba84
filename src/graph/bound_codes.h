// Points of feature space as bytes, so that distances between codes, which cost a fraction of float32's,
// bound true distances from below.
//
// 1. Let p be a point's coordinates in an orthonormal basis of r dimensions and rho the length of what the
//    basis leaves out. Then |x - y|^2 >= |p_x - p_y|^2 + (rho_x - rho_y)^2: (p, rho) is a point of r + 1
//    dimensions whose distances are lower bounds. (Or all D dimensions are kept, with no loss.)
// 2. A code is such a point rounded to a grid; `moved` is the distance it was moved. By the triangle
//    inequality |x - y| >= |code_x - code_y| - moved_x - moved_y. Squared code distances are whole numbers,
//    so this step has no rounding error.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "linalg/principal_subspace.h"

namespace dvi {

/// Euclidean, squared, in float32; the same for (x, y) and (y, x).
float squared_distance(const float* x, const float* y, int64_t d);

/// Squared distances of features up to this, of any number of dimensions, are far from float32's limit.
constexpr float greatest_searchable = 1e15f;

/// The greatest absolute value. The ranks of a job share the rows. Throws Error if one is not finite or
/// greater than greatest_searchable.
float greatest_number(MatrixView x);

/// Squared code distance of query q and reference j = norm[j] - 2 * (bytes of q . code of j) + offset[q],
/// where bytes are codes + 128: the integers of multiply_u8s8.
struct Codes {
  int64_t dims = 0;
  AlignedVector<int8_t> code;   // [n, dims]
  AlignedVector<int32_t> norm;  // [n]
  std::vector<int32_t> offset;  // [n]
  std::vector<float> moved;     // [n], in grid steps, rounded up
  int64_t size() const { return static_cast<int64_t>(moved.size()); }
  void resize(int64_t n, int64_t dims);
};

/// Chosen by the variance of the references: as few dimensions as hold most of it.
class CodeSpace {
 public:
  /// For about `queries` queries. Throws Error as greatest_number() does.
  CodeSpace(MatrixView references, int64_t queries);
  int64_t dims() const { return dims_; }
  /// Length of a grid step in feature space.
  float step() const { return step_; }
  /// Points of x [n, D] before rounding, in grid steps as codes are, [n, dims]. For pieces of some hundred
  /// rows.
  Matrix points(MatrixView x) const;
  /// Row i of `codes` becomes the code of `point`.
  void encode(const float* point, int64_t i, Codes& codes) const;

 private:
  Matrix raw_points(MatrixView x) const;
  PrincipalSubspace subspace_;  // empty: all dimensions
  int64_t dims_;
  float low_ = 0, step_ = 1;
};

}  // namespace dvi
