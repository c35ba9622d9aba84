#include "subject/linear_head.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t rows_a_piece = 256;

}  // namespace

void apply_linear_head(const LinearHead& head, MatrixView features, MutMatrixView logits) {
  const int64_t d = head.weight.cols(), c = head.weight.rows();
  if (features.cols != d || logits.cols != c || logits.rows != features.rows)
    fail("head: expected features [n, {}] and logits [n, {}], found [{}, {}] and [{}, {}]", d, c,
         features.rows, features.cols, logits.rows, logits.cols);
  parallel_for(features.rows, rows_a_piece, [&](int64_t begin, int64_t end, int) {
    linear(features.slice(begin, end - begin), head.weight, head.bias, logits.slice(begin, end - begin));
  });
}

void linear_head_vjp(const LinearHead& head, MatrixView cotangent, MutMatrixView out) {
  const int64_t d = head.weight.cols(), c = head.weight.rows();
  if (cotangent.cols != c || out.cols != d || out.rows != cotangent.rows)
    fail("head_vjp: expected cotangents [n, {}] and an output [n, {}], found [{}, {}] and [{}, {}]", c, d,
         cotangent.rows, cotangent.cols, out.rows, out.cols);
  parallel_for(cotangent.rows, rows_a_piece, [&](int64_t begin, int64_t end, int) {
    multiply(cotangent.slice(begin, end - begin), head.weight, out.slice(begin, end - begin));
  });
}

}  // namespace dvi
