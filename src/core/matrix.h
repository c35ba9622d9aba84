// Row-major float matrices: an owner with aligned memory, and views of memory owned elsewhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <vector>

namespace dvi {

/// Allocates on 64-byte boundaries, so that vector loads never cross a cache line. resize() of a vector
/// leaves new numbers uninitialised: what is filled at once need not be cleared first.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  template <typename U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <typename U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Read-only view, row-major: element (i, j) is data[i * cols + j].
struct MatrixView {
  const float* data = nullptr;
  int64_t rows = 0, cols = 0;
  const float* row(int64_t i) const { return data + i * cols; }
  float operator()(int64_t i, int64_t j) const { return data[i * cols + j]; }
  /// Rows [begin, begin + count).
  MatrixView slice(int64_t begin, int64_t count) const { return {row(begin), count, cols}; }
  std::span<const float> span() const { return {data, static_cast<size_t>(rows * cols)}; }
};

/// Writable view, row-major.
struct MutMatrixView {
  float* data = nullptr;
  int64_t rows = 0, cols = 0;
  float* row(int64_t i) const { return data + i * cols; }
  float& operator()(int64_t i, int64_t j) const { return data[i * cols + j]; }
  MutMatrixView slice(int64_t begin, int64_t count) const { return {row(begin), count, cols}; }
  std::span<float> span() const { return {data, static_cast<size_t>(rows * cols)}; }
  operator MatrixView() const { return {data, rows, cols}; }
};

/// Owns a row-major matrix, zero-initialised.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int64_t rows, int64_t cols)
      : rows_(rows), cols_(cols), values_(static_cast<size_t>(rows * cols), 0.f) {}
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }
  float* row(int64_t i) { return data() + i * cols_; }
  const float* row(int64_t i) const { return data() + i * cols_; }
  float& operator()(int64_t i, int64_t j) { return values_[i * cols_ + j]; }
  float operator()(int64_t i, int64_t j) const { return values_[i * cols_ + j]; }
  MatrixView view() const { return {data(), rows_, cols_}; }
  MutMatrixView mut() { return {data(), rows_, cols_}; }
  operator MatrixView() const { return view(); }

 private:
  int64_t rows_ = 0, cols_ = 0;
  AlignedVector<float> values_;
};

/// The rows of one matrix, and those of another behind them.
struct StackedView {
  StackedView() = default;
  StackedView(MatrixView only) : first(only) {}
  StackedView(MatrixView front, MatrixView back) : first(front), second(back) {}
  int64_t rows() const { return first.rows + second.rows; }
  int64_t cols() const { return first.cols; }
  const float* row(int64_t i) const { return i < first.rows ? first.row(i) : second.row(i - first.rows); }
  MatrixView first, second;
};

/// Copies the given rows, in order.
inline Matrix gather_rows(MatrixView from, std::span<const int32_t> ids) {
  Matrix out(static_cast<int64_t>(ids.size()), from.cols);
  for (size_t i = 0; i < ids.size(); ++i) {
    const float* row = from.row(ids[i]);
    std::copy(row, row + from.cols, out.row(static_cast<int64_t>(i)));
  }
  return out;
}

/// Rows `ids` without a copy where they follow each other, as samples of a role mostly do; else of `copy`,
/// which is filled with them.
inline MatrixView view_rows(MatrixView from, std::span<const int32_t> ids, Matrix& copy) {
  const auto count = static_cast<int64_t>(ids.size());
  if (count > 0 && ids.back() - ids.front() + 1 == count && std::is_sorted(ids.begin(), ids.end()))
    return from.slice(ids.front(), count);
  copy = gather_rows(from, ids);
  return copy;
}

}  // namespace dvi
