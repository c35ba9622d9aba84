// NumPy .npy files (format versions 1.0 to 3.0, little-endian, C order): memory-mapped reading, atomic
// writing. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/matrix.h"

namespace dvi {

enum class DType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, f32, f64 };

/// NumPy's name of a dtype, e.g. "float32".
const char* dtype_name(DType);
size_t dtype_size(DType);

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<uint16_t>() {
  return DType::u16;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}

/// "(60000, 512)", as NumPy prints shapes.
std::string shape_text(std::span<const int64_t> shape);

/// What an .npy header says. Structured dtypes are refused by parse; read those with their own reader.
struct NpyHeader {
  DType dtype;
  std::vector<int64_t> shape;
  size_t data_offset;  ///< bytes from the start of the file to the first element
};

/// Parses the header at the front of `bytes`; `name` is used in messages. Throws Error.
NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& name);

/// A read-only array mapped from a file; copies share the mapping. Writers of this project replace files by
/// rename, which keeps the old mapping valid; what a file that is changed in place does is told in
/// mapped_file.h.
class NpyArray {
 public:
  NpyArray() = default;
  /// Throws Error if the file is missing, is no .npy, is big-endian or Fortran-ordered, is shorter or longer
  /// than its shape, or has a header of a length that leaves its elements where the processor cannot read
  /// them as they are.
  static NpyArray open(const std::filesystem::path&);

  bool empty() const { return mapping_ == nullptr; }
  /// Whether the file was shortened while it was mapped, so that elements may read as zeros.
  bool damaged() const { return mapping_ != nullptr && mapping_->damaged(); }
  /// Throws Error if so: for readers of bytes() and as() once they are done.
  void expect_whole() const { mapping_->expect_whole(); }
  const std::filesystem::path& path() const { return path_; }
  DType dtype() const { return header_.dtype; }
  const std::vector<int64_t>& shape() const { return header_.shape; }
  int64_t rows() const { return header_.shape.empty() ? 1 : header_.shape[0]; }
  /// Elements in one row: the product of the shape after the first axis.
  int64_t row_size() const;
  int64_t size() const { return rows() * row_size(); }
  const std::byte* bytes() const { return data_; }

  /// The elements, if the dtype is T's; throws Error otherwise.
  template <typename T>
  std::span<const T> as() const {
    expect_dtype({dtype_of<T>()});
    return {reinterpret_cast<const T*>(data_), static_cast<size_t>(size())};
  }
  /// A 2-D float32 array as a matrix view; throws Error for another dtype or rank.
  MatrixView matrix() const;
  /// Any numeric 2-D array (float16 included) converted to float32. This and the two below throw Error if the
  /// file was shortened in the meantime.
  Matrix to_matrix() const;
  /// Any numeric array converted element by element.
  std::vector<float> to_floats() const;
  /// Throws Error unless all elements are whole numbers of 32 bits.
  std::vector<int32_t> to_ints() const;

  /// Throw Error naming the file, what was expected and what was found. In `shape`, -1 accepts any size.
  void expect_dtype(std::initializer_list<DType>) const;
  void expect_shape(std::initializer_list<int64_t> shape) const;

 private:
  std::filesystem::path path_;
  NpyHeader header_{};
  std::shared_ptr<const MappedFile> mapping_;
  const std::byte* data_ = nullptr;
};

/// Writes an array through a temporary file in the same folder and a rename, flushed to disk first; on any
/// failure (a full disk, say) the temporary file is removed, an existing file stays as it was, and Error is
/// thrown.
void write_npy(const std::filesystem::path&, DType, std::span<const int64_t> shape, const void* data);

template <typename T>
void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape, std::span<const T> values) {
  write_npy(path, dtype_of<T>(), shape, values.data());
}
template <typename T>
void write_npy(const std::filesystem::path& path, const std::vector<T>& values) {
  const int64_t shape[] = {static_cast<int64_t>(values.size())};
  write_npy(path, dtype_of<T>(), shape, values.data());
}
inline void write_npy(const std::filesystem::path& path, MatrixView m) {
  const int64_t shape[] = {m.rows, m.cols};
  write_npy(path, DType::f32, shape, m.data);
}
/// The header of an array whose dtype description is `descr` (e.g. "'<f4'" or a list for structured rows).
std::string npy_header_text(const std::string& descr, std::span<const int64_t> shape);

/// IEEE half precision, as in float16 arrays.
float half_to_float(uint16_t);
uint16_t float_to_half(float);

}  // namespace dvi
