// An epoch's features or logits as they lie in their file, or a copy where they have to be converted.
#pragma once

#include <utility>

#include "core/matrix.h"
#include "core/npy.h"

namespace dvi {

/// [N, anything]. Mapped rows take no memory of the process: the system keeps what it has room for, and reads
/// the rest again. Views of it hold as long as it lives, also when it is moved.
class RecordedRows {
 public:
  RecordedRows() = default;
  RecordedRows(Matrix copy) : copy_(std::move(copy)), view_(copy_) {}
  /// Throws Error if `file` is not of float32.
  explicit RecordedRows(NpyArray file) : file_(std::move(file)), view_(file_.matrix()) {}
  RecordedRows(RecordedRows&&) = default;
  RecordedRows& operator=(RecordedRows&&) = default;

  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  const float* row(int64_t i) const { return view_.row(i); }
  float operator()(int64_t i, int64_t j) const { return view_(i, j); }
  MatrixView view() const { return view_; }
  operator MatrixView() const { return view_; }

 private:
  NpyArray file_;
  Matrix copy_;
  MatrixView view_;
};

}  // namespace dvi
