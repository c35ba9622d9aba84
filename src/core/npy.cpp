#include "core/npy.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/file.h"

namespace dvi {
namespace {

struct DTypeInfo {
  DType dtype;
  const char* name;
  const char* descr;
  size_t size;
};

constexpr DTypeInfo dtypes[] = {
    {DType::boolean, "bool", "|b1", 1}, {DType::u8, "uint8", "|u1", 1},    {DType::i8, "int8", "|i1", 1},
    {DType::u16, "uint16", "<u2", 2},   {DType::i16, "int16", "<i2", 2},   {DType::u32, "uint32", "<u4", 4},
    {DType::i32, "int32", "<i4", 4},    {DType::u64, "uint64", "<u8", 8},  {DType::i64, "int64", "<i8", 8},
    {DType::f16, "float16", "<f2", 2},  {DType::f32, "float32", "<f4", 4}, {DType::f64, "float64", "<f8", 8},
};

const DTypeInfo& info(DType d) { return dtypes[static_cast<size_t>(d)]; }

// The header is a Python dict literal with three known keys; anything else is refused.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse(size_t data_offset) {
    NpyHeader header{};
    header.data_offset = data_offset;
    bool have_descr = false, have_order = false, have_shape = false;
    take('{');
    while (!peek('}')) {
      const std::string key = string();
      take(':');
      if (key == "descr") {
        header.dtype = dtype();
        have_descr = true;
      } else if (key == "fortran_order") {
        if (word() != "False")
          fail("{}: expected a C-ordered array, found Fortran order; save it with numpy.ascontiguousarray",
               name_);
        have_order = true;
      } else if (key == "shape") {
        header.shape = tuple();
        have_shape = true;
      } else {
        broken();
      }
      if (!peek('}')) take(',');
    }
    if (!have_descr || !have_order || !have_shape) broken();
    return header;
  }

 private:
  [[noreturn]] void broken() const {
    fail("{}: the .npy header is damaged at byte {}; write the file again with numpy.save", name_, at_ + 10);
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool peek(char c) {
    skip();
    return at_ < text_.size() && text_[at_] == c;
  }
  void take(char c) {
    if (!peek(c)) broken();
    ++at_;
  }
  std::string string() {
    skip();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) broken();
    const char quote = text_[at_++];
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) broken();
    std::string s(text_.substr(at_, end - at_));
    at_ = end + 1;
    return s;
  }
  std::string word() {
    skip();
    const size_t begin = at_;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  DType dtype() {
    if (peek('['))
      fail("{}: expected a plain numeric array, found a structured dtype; save one column per file", name_);
    const std::string descr = string();
    for (const auto& d : dtypes)
      if (descr == d.descr || (d.size == 1 && descr.size() == 3 && descr.substr(1) == d.descr + 1))
        return d.dtype;
    if (!descr.empty() && descr[0] == '>')
      fail("{}: expected little-endian numbers, found big-endian '{}'; convert it with array.astype('<{}')",
           name_, descr, descr.substr(1));
    fail("{}: expected a numeric array, found dtype '{}'; convert it with array.astype first", name_, descr);
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> shape;
    take('(');
    while (!peek(')')) {
      skip();
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc() || value < 0 || shape.size() == 32) broken();
      at_ = static_cast<size_t>(end - text_.data());
      shape.push_back(value);
      if (!peek(')')) take(',');
    }
    take(')');
    return shape;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

/// Product of the sizes, or -1 if it would not fit a file, or would not if those of 0 were 1: so no product
/// of some of the sizes overflows either.
int64_t checked_product(std::span<const int64_t> shape) {
  int64_t product = 1;
  bool none = false;
  for (const int64_t s : shape) {
    none |= s == 0;
    if (s != 0 && (__builtin_mul_overflow(product, s, &product) || product > (int64_t{1} << 48))) return -1;
  }
  return none ? 0 : product;
}

/// Calls `use` with the first element, typed; float16 arrays as uint16_t, with `half` true.
template <typename Use>
void with_elements(DType dtype, const std::byte* data, Use use) {
  const auto as = [&]<typename In>(In) { use(reinterpret_cast<const In*>(data), false); };
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return as(uint8_t{});
    case DType::i8:
      return as(int8_t{});
    case DType::u16:
      return as(uint16_t{});
    case DType::i16:
      return as(int16_t{});
    case DType::u32:
      return as(uint32_t{});
    case DType::i32:
      return as(int32_t{});
    case DType::u64:
      return as(uint64_t{});
    case DType::i64:
      return as(int64_t{});
    case DType::f32:
      return as(float{});
    case DType::f64:
      return as(double{});
    case DType::f16:
      return use(reinterpret_cast<const uint16_t*>(data), true);
  }
}

/// A float64 beyond float32 becomes infinity, where a plain cast is undefined.
template <typename In>
float to_float(In value) {
  if constexpr (std::is_same_v<In, double>) {
    if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
      return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(value > 0 ? 1 : -1));
  }
  return static_cast<float>(value);
}

/// Whether the value is a whole number of 32 bits, so that the cast is defined and loses nothing.
template <typename In>
bool fits_int32(In value) {
  constexpr double low = -2147483648.0, high = 2147483647.0;
  if constexpr (std::is_floating_point_v<In>)
    return static_cast<double>(value) >= low && static_cast<double>(value) <= high &&
           std::trunc(value) == value;
  else
    return std::in_range<int32_t>(value);
}

}  // namespace

const char* dtype_name(DType d) { return info(d).name; }
size_t dtype_size(DType d) { return info(d).size; }

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& name) {
  static constexpr char magic[] = "\x93NUMPY";
  if (bytes.size() < 10 || std::memcmp(bytes.data(), magic, 6) != 0)
    fail("{}: expected a NumPy .npy file, found something else; write it with numpy.save", name);
  const auto byte = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };
  const size_t version = byte(6);
  if (version < 1 || version > 3)
    fail("{}: expected .npy format version 1 to 3, found {}; write it with a current numpy.save", name,
         version);
  const size_t front = version == 1 ? 10 : 12;
  if (bytes.size() < front) fail("{}: the file ends inside its .npy header; write it again", name);
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (bytes.size() - front < length) fail("{}: the file ends inside its .npy header; write it again", name);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + front, length);
  return HeaderParser(text, name).parse(front + length);
}

NpyArray NpyArray::open(const std::filesystem::path& path) {
  NpyArray array;
  array.path_ = path;
  array.mapping_ = MappedFile::open(path);
  const auto bytes = array.mapping_->bytes();
  const size_t size = bytes.size();
  array.header_ = parse_npy_header(bytes, path.string());
  array.data_ = bytes.data() + array.header_.data_offset;
  const int64_t elements = checked_product(array.header_.shape);
  const size_t found = size - array.header_.data_offset;
  const size_t item = dtype_size(array.dtype());
  array.mapping_->expect_whole();
  if (elements < 0 || static_cast<size_t>(elements) * item != found)
    fail(
        "{}: expected {} of {}, {} bytes, found {} bytes of data; the file is cut off or damaged, write it "
        "again",
        path.string(), shape_text(array.shape()), dtype_name(array.dtype()),
        elements < 0 ? std::string("more than any file can hold")
                     : std::to_string(static_cast<size_t>(elements) * item),
        found);
  if (array.header_.data_offset % item != 0)
    fail(
        "{}: expected elements at a multiple of their {} bytes, found the first at byte {}; write it with "
        "numpy.save",
        path.string(), item, array.header_.data_offset);
  return array;
}

int64_t NpyArray::row_size() const {
  int64_t size = 1;
  for (size_t i = 1; i < header_.shape.size(); ++i) size *= header_.shape[i];
  return size;
}

MatrixView NpyArray::matrix() const {
  expect_dtype({DType::f32});
  expect_shape({-1, -1});
  return {reinterpret_cast<const float*>(data_), rows(), row_size()};
}

Matrix NpyArray::to_matrix() const {
  expect_shape({-1, -1});
  Matrix out(rows(), row_size());
  if (dtype() == DType::f32) {
    std::memcpy(out.data(), data_, static_cast<size_t>(size()) * sizeof(float));
  } else {
    const auto values = to_floats();
    std::copy(values.begin(), values.end(), out.data());
  }
  mapping_->expect_whole();
  return out;
}

std::vector<float> NpyArray::to_floats() const {
  std::vector<float> out(static_cast<size_t>(size()));
  with_elements(dtype(), data_, [&](const auto* in, bool half) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = half ? half_to_float(static_cast<uint16_t>(in[i])) : to_float(in[i]);
  });
  mapping_->expect_whole();
  return out;
}

std::vector<int32_t> NpyArray::to_ints() const {
  if (dtype() == DType::f16) expect_dtype({DType::i32, DType::i64, DType::f32});
  std::vector<int32_t> out(static_cast<size_t>(size()));
  with_elements(dtype(), data_, [&](const auto* in, bool) {
    for (size_t i = 0; i < out.size(); ++i) {
      if (!fits_int32(in[i]))
        fail("{}: expected whole numbers of 32 bits, found {} at element {}; write the file again",
             path_.string(), in[i], i);
      out[i] = static_cast<int32_t>(in[i]);
    }
  });
  mapping_->expect_whole();
  return out;
}

void NpyArray::expect_dtype(std::initializer_list<DType> accepted) const {
  std::string names;
  for (const DType d : accepted) {
    if (d == dtype()) return;
    names += (names.empty() ? "" : " or ") + std::string(dtype_name(d));
  }
  fail("{}: expected {}, found {}; convert it with array.astype", path_.string(), names, dtype_name(dtype()));
}

void NpyArray::expect_shape(std::initializer_list<int64_t> expected) const {
  bool fits = expected.size() == shape().size();
  std::string text;
  size_t axis = 0;
  for (const int64_t e : expected) {
    if (fits && e >= 0 && e != shape()[axis]) fits = false;
    ++axis;
    text += (text.empty() ? "" : ", ") + (e < 0 ? std::string("any") : std::to_string(e));
  }
  if (!fits) fail("{}: expected shape ({}), found {}", path_.string(), text, shape_text(shape()));
}

std::string npy_header_text(const std::string& descr, std::span<const int64_t> shape) {
  std::string dict = "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
  // NumPy pads so that the data begin at a multiple of 64.
  dict.append(63 - (10 + dict.size()) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

void write_npy(const std::filesystem::path& path, DType dtype, std::span<const int64_t> shape,
               const void* data) {
  const std::string header = npy_header_text("'" + std::string(info(dtype).descr) + "'", shape);
  size_t bytes = dtype_size(dtype);
  for (const int64_t s : shape) bytes *= static_cast<size_t>(s);
  write_file_atomically(path,
                        {std::as_bytes(std::span(header)), {static_cast<const std::byte*>(data), bytes}});
}

float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t exponent = (h >> 10) & 0x1f, fraction = h & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1.0p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits =
      exponent == 31 ? sign | 0x7f800000 | fraction << 13 : sign | (exponent + 112) << 23 | fraction << 13;
  return std::bit_cast<float>(bits);
}

uint16_t float_to_half(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const float magnitude = std::bit_cast<float>(bits & 0x7fffffff);
  if (magnitude != magnitude) return static_cast<uint16_t>(sign | 0x7e00);
  if (magnitude >= 65520.f) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x1.0p-14f)  // subnormal half: round to a multiple of 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(__builtin_rintf(magnitude * 0x1.0p24f)));
  const uint32_t m = bits & 0x7fffffff;
  const uint32_t rounded = m + 0xfff + (m >> 13 & 1);  // nearest, ties to even
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112 << 10)));
}

}  // namespace dvi
