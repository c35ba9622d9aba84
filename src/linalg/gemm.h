// Matrix products through oneDNN: the only place that knows its API (2.6 in Debian 12, 3.x elsewhere; both
// serve).
//
// Products run in the calling thread. Work is split over threads by the caller (core/parallel.h), in pieces
// large enough that a thread works on its own rows; that costs one wake-up a step instead of one a product.
#pragma once

#include <cstdint>
#include <span>
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

/// An operand of a product: a matrix as it is, or (see transposed()) its transpose, which costs no copy.
struct Factor {
  Factor(MatrixView m) : matrix(m) {}
  Factor(const MutMatrixView& m) : matrix(m) {}
  Factor(const Matrix& m) : matrix(m) {}
  int64_t rows() const { return transposed ? matrix.cols : matrix.rows; }
  int64_t cols() const { return transposed ? matrix.rows : matrix.cols; }

  MatrixView matrix;  ///< as stored
  bool transposed = false;
};
inline Factor transposed(Factor f) {
  f.transposed = !f.transposed;
  return f;
}

/// c [m, n] = a [m, k] * b [k, n]. c must overlap neither. Throws Error where the shapes do not fit.
void multiply(Factor a, Factor b, MutMatrixView c, Precision precision = Precision::f32);
/// c [m, n] += a [m, k] * b [k, n].
void multiply_add(Factor a, Factor b, MutMatrixView c, Precision precision = Precision::f32);
/// A linear layer: out [m, n] = in [m, k] * weight [n, k]^T + bias [n].
void linear(MatrixView in, MatrixView weight, std::span<const float> bias, MutMatrixView out,
            Precision precision = Precision::f32);

/// c [m, n] = a [m, k] * b^T [n, k] in integers, exact in int32. Entries of a must not exceed
/// integer_levels().
void multiply_u8s8(int64_t m, int64_t n, int64_t k, const uint8_t* a, const int8_t* b, int32_t* c);
/// Largest entry of `a` that multiply_u8s8 takes: 255, or 127 on processors whose 8-bit products saturate at
/// 16 bits (no VNNI).
int integer_levels();

}  // namespace dvi
