// The repulsion of t-SNE between all pairs of points, in time linear in the points: FFT-accelerated
// interpolation (Linderman, Rachh, Hoskins, Steinerberger & Kluger, "Fast interpolation-based t-SNE", Nature
// Methods 2019).
//
// With K(d) = 1 / (1 + d^2) the force on point i is sum_j K(d_ij)^2 (y_i - y_j), the normaliser Z = sum_(i !=
// j) K(d_ij). Points are spread to a grid with cubic weights, the grid is convolved with the kernel, and the
// field is read off at any place with the same weights. Unlike the published form, which convolves three or
// four charges, the two components of the force are the real and imaginary part of one convolution with the
// complex kernel K^2 (x + i y), and Z comes from the spectrum by Parseval: two transforms an iteration
// instead of eight.
//
// The ranks of a job (comm/comm.h) each spread their share of the points and transform their share of the
// grid. What they exchange is as large as the grid, whatever the number of points. Charges are summed as
// whole numbers, so that neither the number of ranks nor that of threads changes the result.
#pragma once

#include <memory>

#include "core/matrix.h"
#include "vis/fft.h"

namespace dvi {

class RepulsionField {
 public:
  RepulsionField();
  ~RepulsionField();

  /// Takes the points [n, 2] that repel; every rank gives its own points, and gets the field of all.
  void set_sources(MatrixView points);
  /// forces [m, 2] at any places within the box around the points: sum_j K(d)^2 (place - y_j).
  void forces(MatrixView places, MutMatrixView forces) const;
  /// Sum over all ordered pairs of different sources of K.
  double normaliser() const;

 private:
  struct Grid;
  std::unique_ptr<Grid> grid_;
};

}  // namespace dvi
