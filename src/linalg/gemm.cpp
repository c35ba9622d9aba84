#include "linalg/gemm.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "core/multiversion.h"
#include "linalg/onednn.h"

namespace dvi {
namespace {

/// What a prepared product depends on: c [m, n] = or += op(a) [m, k] * op(b) [k, n].
struct ProductShape {
  bool transpose_a, transpose_b, accumulate;
  int64_t m, n, k;
  bool operator==(const ProductShape&) const = default;
};

struct ShapeHash {
  size_t operator()(const ProductShape& s) const {
    size_t h = 0;
    for (const int64_t v :
         {int64_t{s.transpose_a}, int64_t{s.transpose_b}, int64_t{s.accumulate}, s.m, s.n, s.k})
      h = h * 1000003 + static_cast<size_t>(v);
    return h;
  }
};

const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

dnnl::memory::desc matrix_desc(int64_t rows, int64_t cols, bool transposed, int64_t ld,
                               dnnl::memory::data_type type) {
  const dnnl::memory::dims strides = transposed ? dnnl::memory::dims{1, ld} : dnnl::memory::dims{ld, 1};
  return {{rows, cols}, type, strides};
}

/// A bf16 product of one shape with everything oneDNN wants prepared. One per thread, since buffers are
/// inside.
struct Bf16Product {
  dnnl::matmul primitive;
  dnnl::memory a, b, c;

  static Bf16Product make(const ProductShape& shape) {
    const auto [ta, tb, accumulate, m, n, k] = shape;
    using Type = dnnl::memory::data_type;
    const auto da = matrix_desc(m, k, ta, ta ? m : k, Type::bf16);
    const auto db = matrix_desc(k, n, tb, tb ? k : n, Type::bf16);
    const auto dc = matrix_desc(m, n, false, n, Type::f32);
    dnnl::primitive_attr attributes;
    if (accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.f);
      attributes.set_post_ops(sum);
    }
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc pd(engine(), da, db, dc, attributes);
#else
    const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(da, db, dc), attributes, engine());
#endif
    return {dnnl::matmul(pd), dnnl::memory(da, engine()), dnnl::memory(db, engine()),
            dnnl::memory(dc, engine(), nullptr)};
  }
};

DVI_MULTIVERSION void round_to_bf16(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, from + i, 4);
    bits += 0x7fff + (bits >> 16 & 1);  // to nearest, ties to even
    to[i] = static_cast<uint16_t>(bits >> 16);
  }
}

void multiply_bf16(const ProductShape& shape, const float* a, const float* b, float* c) {
  thread_local std::unordered_map<ProductShape, Bf16Product, ShapeHash> products;
  thread_local dnnl::stream stream(engine());
  auto found = products.find(shape);
  if (found == products.end()) found = products.emplace(shape, Bf16Product::make(shape)).first;
  auto& product = found->second;
  round_to_bf16(a, shape.m * shape.k, static_cast<uint16_t*>(product.a.get_data_handle()));
  round_to_bf16(b, shape.k * shape.n, static_cast<uint16_t*>(product.b.get_data_handle()));
  product.c.set_data_handle(c);
  product.primitive.execute(
      stream, {{DNNL_ARG_SRC, product.a}, {DNNL_ARG_WEIGHTS, product.b}, {DNNL_ARG_DST, product.c}});
  stream.wait();
}

void product(const Factor& a, const Factor& b, MutMatrixView c, bool accumulate, Precision precision) {
  const int64_t m = c.rows, n = c.cols, k = a.cols();
  if (a.rows() != m || b.cols() != n || b.rows() != k)
    fail(
        "matrix product: expected factors [{0}, k] and [k, {1}] for a result [{0}, {1}], found [{2}, {3}] "
        "and [{4}, {5}]",
        m, n, a.rows(), a.cols(), b.rows(), b.cols());
  if (m == 0 || n == 0) return;
  run_onednn_alone();
  if (precision == Precision::bf16) {
    multiply_bf16({a.transposed, b.transposed, accumulate, m, n, k}, a.matrix.data, b.matrix.data, c.data);
    return;
  }
  const auto status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.f, a.matrix.data,
                 a.matrix.cols, b.matrix.data, b.matrix.cols, accumulate ? 1.f : 0.f, c.data, n);
  if (status != dnnl_success)
    fail("oneDNN refused a {} x {} x {} matrix product (status {})", m, n, k, static_cast<int>(status));
}

const char* isa_name(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
#if DNNL_VERSION_MAJOR > 2 || DNNL_VERSION_MINOR > 0
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
#endif
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "other";
  }
}

}  // namespace

Precision best_precision() {
  static const Precision chosen = [] {
    if (const char* forced = std::getenv("DVI_PRECISION"))
      return std::strcmp(forced, "bf16") == 0 ? Precision::bf16 : Precision::f32;
    return onednn_isa() == "avx512_core_amx" ? Precision::bf16 : Precision::f32;
  }();
  return chosen;
}

std::string onednn_isa() { return isa_name(dnnl::get_effective_cpu_isa()); }

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

void multiply(Factor a, Factor b, MutMatrixView c, Precision precision) {
  product(a, b, c, false, precision);
}

void multiply_add(Factor a, Factor b, MutMatrixView c, Precision precision) {
  product(a, b, c, true, precision);
}

void linear(MatrixView in, MatrixView weight, std::span<const float> bias, MutMatrixView out,
            Precision precision) {
  for (int64_t i = 0; i < out.rows; ++i) std::copy(bias.begin(), bias.end(), out.row(i));
  multiply_add(in, transposed(weight), out, precision);
}

void multiply_u8s8(int64_t m, int64_t n, int64_t k, const uint8_t* a, const int8_t* b, int32_t* c) {
  run_onednn_alone();
  const int32_t no_offset = 0;
  const auto status = dnnl_gemm_u8s8s32('N', 'T', 'F', m, n, k, 1.f, a, k, 0, b, k, 0, 0.f, c, n, &no_offset);
  if (status != dnnl_success)
    fail("oneDNN refused a {} x {} x {} integer product (status {})", m, n, k, static_cast<int>(status));
}

int integer_levels() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512vnni") ? 255 : 127;
#else
  return 127;
#endif
}

}  // namespace dvi
