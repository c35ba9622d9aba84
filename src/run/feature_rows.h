// An epoch's features as they lie in their file, or a copy where they have to be converted.
#pragma once

#include <utility>

#include "core/matrix.h"
#include "core/npy.h"

namespace dvi {

/// [N, D]. Mapped features take no memory of the process: the system keeps what it has room for, and reads
/// the rest again. Views of it hold as long as it lives, also when it is moved.
class FeatureRows {
 public:
  FeatureRows() = default;
  FeatureRows(Matrix copy) : copy_(std::move(copy)), view_(copy_) {}
  /// Throws Error if `file` is not of float32.
  explicit FeatureRows(NpyArray file) : file_(std::move(file)), view_(file_.matrix()) {}
  FeatureRows(FeatureRows&&) = default;
  FeatureRows& operator=(FeatureRows&&) = default;

  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  const float* row(int64_t i) const { return view_.row(i); }
  MatrixView view() const { return view_; }
  operator MatrixView() const { return view_; }

 private:
  NpyArray file_;
  Matrix copy_;
  MatrixView view_;
};

}  // namespace dvi
