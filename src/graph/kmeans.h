// k-means in the space of codes (Lloyd's algorithm, a fixed number of rounds).
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// Centres numbered so that neighbours in number are near each other.
class Centres {
 public:
  Centres() = default;
  /// `count` centres of `sample` [n, dims], which start at samples drawn with a fixed seed.
  Centres(const Matrix& sample, int64_t count);
  int64_t count() const { return points_.rows(); }
  const float* point(int64_t c) const { return points_.row(c); }
  /// [count] squared lengths.
  const float* norms() const { return norms_.data(); }

  /// squared [n, count] between x [n, dims] and the centres. Rounding is within 1e-6 of both squared norms.
  void distances(MatrixView x, Matrix& squared) const;
  /// cell [n]: the centre nearest to each row of x; `squared` is room for distances().
  void nearest(MatrixView x, Matrix& squared, int32_t* cell) const;

 private:
  void set(Matrix points);
  void put_in_order();
  Matrix points_;
  std::vector<float> norms_;
};

/// Squared length of x [n].
float squared_norm(const float* x, int64_t n);

}  // namespace dvi
