// Matrix products through oneDNN: the only place that knows its API (2.6 in Debian 12, 3.x elsewhere; both
// serve).
//
// Products run in the calling thread. Work is split over threads by the caller (core/parallel.h), in pieces
// large enough that a thread works on its own rows; that costs one wake-up a step instead of one a product.
#pragma once

#include <cstdint>
#include <string>

#include "core/matrix.h"

namespace dvi {

enum class Precision {
  f32,   ///< float32 products
  bf16,  ///< operands rounded to bfloat16, products accumulated in float32
};

/// bf16 where the processor has AMX (there it is about ten times f32); f32 elsewhere: without AMX the AVX-512
/// bf16 instructions reach half the speed of f32 (docs/explanation/architecture.md). DVI_PRECISION=f32|bf16
/// overrides.
Precision best_precision();

/// The instruction set oneDNN uses here, e.g. "avx512_core_fp16", and its version, for view.json.
std::string onednn_isa();
std::string onednn_version();

/// c [m, n] = op(a) [m, k] * op(b) [k, n], plus the old c if `accumulate`. Row-major; lda, ldb, ldc are
/// elements between rows as stored; op transposes if its flag is set.
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
          const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate = false,
          Precision precision = Precision::f32);

/// c [m, n] = a [m, k] * b^T [n, k] in integers, exact in int32. Entries of a must not exceed
/// integer_levels().
void gemm_u8s8(int64_t m, int64_t n, int64_t k, const uint8_t* a, const int8_t* b, int32_t* c, int64_t ldc);
/// Largest entry of `a` that gemm_u8s8 takes: 255, or 127 on processors whose 8-bit products saturate at 16
/// bits (no VNNI).
int integer_levels();

}  // namespace dvi
