// Fast Fourier transforms of many columns at once, for convolutions on a grid.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// Transforms of one length (a product of 2, 3 and 5), by Stockham's self-sorting algorithm with radices 2,
/// 3, 4 and 5 (Van Loan, "Computational Frameworks for the Fast Fourier Transform", 1992, sec. 1.7). Real and
/// imaginary parts lie apart, and `columns` transforms run side by side, so that every inner loop is a vector
/// loop.
class Fft {
 public:
  explicit Fft(int64_t length);
  int64_t length() const { return length_; }
  /// The smallest length of at least `minimum` that is a product of 2, 3 and 5 and a multiple of 4.
  static int64_t good_length(int64_t minimum);

  /// In place along the rows of re, im [length, columns]; `scratch` is resized as needed. Forward: sum x_j
  /// exp(-2 pi i j k / length); the inverse has the other sign and is not divided by the length.
  void transform(float* re, float* im, int64_t columns, bool inverse, AlignedVector<float>& scratch) const;

 private:
  struct Stage {
    int radix;
    int64_t groups, stride;           // p runs over groups, q over stride
    std::vector<float> cosine, sine;  // of exp(-2 pi i j p / (groups * radix)) at [p * radix + j]
  };
  int64_t length_;
  std::vector<Stage> stages_;
};

}  // namespace dvi
