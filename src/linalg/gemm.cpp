#include "linalg/gemm.h"

#include <cstdlib>
#include <cstring>
#include <tuple>
#include <unordered_map>

#include "core/error.h"
#include "core/multiversion.h"
#include "linalg/onednn.h"

namespace dvi {
namespace {

using Shape3 = std::tuple<bool, bool, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool>;

struct ShapeHash {
  size_t operator()(const Shape3& s) const {
    return std::apply(
        [](auto... v) {
          size_t h = 0;
          ((h = h * 1000003 + static_cast<size_t>(v)), ...);
          return h;
        },
        s);
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

  static Bf16Product make(const Shape3& shape) {
    const auto [ta, tb, m, n, k, lda, ldb, ldc, accumulate] = shape;
    using Type = dnnl::memory::data_type;
    // Operands are packed while they are rounded, so their strides are tight.
    const auto da = matrix_desc(m, k, ta, ta ? m : k, Type::bf16);
    const auto db = matrix_desc(k, n, tb, tb ? k : n, Type::bf16);
    const auto dc = matrix_desc(m, n, false, ldc, Type::f32);
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

DVI_MULTIVERSION void round_to_bf16(const float* from, int64_t rows, int64_t cols, int64_t ld, uint16_t* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      uint32_t bits;
      std::memcpy(&bits, from + i * ld + j, 4);
      bits += 0x7fff + (bits >> 16 & 1);  // to nearest, ties to even
      to[i * cols + j] = static_cast<uint16_t>(bits >> 16);
    }
}

void gemm_bf16(const Shape3& shape, const float* a, const float* b, float* c) {
  thread_local std::unordered_map<Shape3, Bf16Product, ShapeHash> products;
  thread_local dnnl::stream stream(engine());
  auto found = products.find(shape);
  if (found == products.end()) found = products.emplace(shape, Bf16Product::make(shape)).first;
  auto& product = found->second;
  const auto [ta, tb, m, n, k, lda, ldb, ldc, accumulate] = shape;
  round_to_bf16(a, ta ? k : m, ta ? m : k, lda, static_cast<uint16_t*>(product.a.get_data_handle()));
  round_to_bf16(b, tb ? n : k, tb ? k : n, ldb, static_cast<uint16_t*>(product.b.get_data_handle()));
  product.c.set_data_handle(c);
  product.primitive.execute(
      stream, {{DNNL_ARG_SRC, product.a}, {DNNL_ARG_WEIGHTS, product.b}, {DNNL_ARG_DST, product.c}});
  stream.wait();
}

const char* isa_name(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
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

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
          const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate, Precision precision) {
  if (m == 0 || n == 0) return;
  run_onednn_alone();
  if (precision == Precision::bf16) {
    gemm_bf16({transpose_a, transpose_b, m, n, k, lda, ldb, ldc, accumulate}, a, b, c);
    return;
  }
  const auto status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.f, a, lda, b,
                                 ldb, accumulate ? 1.f : 0.f, c, ldc);
  if (status != dnnl_success)
    fail("oneDNN refused a {} x {} x {} matrix product (status {})", m, n, k, static_cast<int>(status));
}

void gemm_u8s8(int64_t m, int64_t n, int64_t k, const uint8_t* a, const int8_t* b, int32_t* c, int64_t ldc) {
  run_onednn_alone();
  const int32_t no_offset = 0;
  const auto status =
      dnnl_gemm_u8s8s32('N', 'T', 'F', m, n, k, 1.f, a, k, 0, b, k, 0, 0.f, c, ldc, &no_offset);
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
