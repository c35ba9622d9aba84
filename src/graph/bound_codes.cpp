#include "graph/bound_codes.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

/// Below this many multiplications of all pairs a subspace costs more than it saves.
constexpr double small_problem = 2e10;

DVI_MULTIVERSION float greatest_of(const float* x, int64_t n) {
  float most = 0;
  for (int64_t l = 0; l < n; ++l) most = std::abs(x[l]) > most ? std::abs(x[l]) : most;
  return most;
}

/// Rotates rows of n = 2^m coordinates so that each spreads over all, and one grid suits them all: signs,
/// then a Hadamard matrix. The signs are the bits of a fixed number.
DVI_MULTIVERSION void spread(float* x, int64_t n) {
  constexpr uint64_t signs = 0x9E3779B97F4A7C15ull;
  for (int64_t l = 0; l < n; ++l)
    if ((signs >> (l % 61) & 1) != 0) x[l] = -x[l];
  for (int64_t half = 1; half < n; half *= 2)
    for (int64_t begin = 0; begin < n; begin += 2 * half)
      for (int64_t l = begin; l < begin + half; ++l) {
        const float a = x[l], b = x[l + half];
        x[l] = a + b;
        x[l + half] = a - b;
      }
  const float scale = 1 / std::sqrt(static_cast<float>(n));
  for (int64_t l = 0; l < n; ++l) x[l] *= scale;
}

DVI_MULTIVERSION float encode_row(const float* point, int64_t n, float top, int8_t* code, int32_t* sum,
                                  int32_t* norm) {
  float error = 0;
  int32_t total = 0, squares = 0;
  for (int64_t l = 0; l < n; ++l) {
    const float exact = point[l] + 128.f;
    const auto c = static_cast<int32_t>(std::min(std::max(0.f, exact), top) + 0.5f);
    error += (exact - static_cast<float>(c)) * (exact - static_cast<float>(c));
    code[l] = static_cast<int8_t>(c - 128);
    total += c;
    squares += c * c;
  }
  *sum = total;
  *norm = squares;
  return error;
}

}  // namespace

DVI_MULTIVERSION float squared_distance(const float* x, const float* y, int64_t d) {
  float lane[64] = {};
  int64_t l = 0;
  for (; l + 64 <= d; l += 64)
    for (int k = 0; k < 64; ++k) {
      const float difference = x[l + k] - y[l + k];
      lane[k] += difference * difference;
    }
  // Written out: with a loop over the halves the compiler folds them an element at a time.
  for (int k = 0; k < 32; ++k) lane[k] += lane[k + 32];
  for (int k = 0; k < 16; ++k) lane[k] += lane[k + 16];
  for (int k = 0; k < 8; ++k) lane[k] += lane[k + 8];
  for (int k = 0; k < 4; ++k) lane[k] += lane[k + 4];
  float sum = (lane[0] + lane[2]) + (lane[1] + lane[3]);
  for (; l < d; ++l) sum += (x[l] - y[l]) * (x[l] - y[l]);
  return sum;
}

void Codes::resize(int64_t n, int64_t new_dims) {
  dims = new_dims;
  code.resize(n * dims);
  norm.resize(n);
  offset.resize(n);
  moved.resize(n);
}

float greatest_number(MatrixView x) {
  constexpr int64_t piece = 256;
  const RowRange own = own_range(x.rows, piece);
  std::vector<float> greatest(static_cast<size_t>(threads()), 0.f);
  parallel_for(own.size(), piece, [&](int64_t begin, int64_t end, int worker) {
    float& so_far = greatest[static_cast<size_t>(worker)];
    for (int64_t i = own.begin + begin; i < own.begin + end; ++i) {
      // A NaN is greater than nothing, so a row is summed too.
      const float* row = x.row(i);
      const float most = greatest_of(row, x.cols);
      float sum = 0;
      for (int64_t l = 0; l < x.cols; ++l) sum += row[l] - row[l];
      if (!(most <= greatest_searchable) || sum != 0)
        fail("sample {}: expected finite features of at most {:g} to find its neighbours, found {}", i,
             greatest_searchable, sum != 0 ? "one that is none" : fmt::format("{:g}", most));
      so_far = std::max(so_far, most);
    }
  });
  float least = -*std::ranges::max_element(greatest);
  comm().least({&least, 1});
  return -least;
}

CodeSpace::CodeSpace(MatrixView references, int64_t queries) : dims_(references.cols) {
  const int64_t n = references.rows, d = references.cols;
  const float greatest = greatest_number(references);
  if (static_cast<double>(n) * static_cast<double>(queries) * static_cast<double>(d) >= small_problem &&
      d >= 62) {
    PrincipalSubspace all = principal_subspace(references, std::min<int64_t>(127, d / 2));
    // A dimension more costs in every pair, one less lets more candidates through. Without structure (the
    // last share is small) no subspace bounds anything, and all dimensions are kept.
    for (const auto& [r, share] : {std::pair<int64_t, double>{31, 0.98}, {63, 0.93}, {127, 0.75}})
      if (r <= all.dimensions() && all.share(r) >= share) {
        subspace_.mean = std::move(all.mean);
        subspace_.basis = Matrix(r, d);
        std::copy_n(all.basis.data(), r * d, subspace_.basis.data());
        dims_ = r + 1;
        break;
      }
  }
  // The grid spans a sample; what lies outside is moved further, and known to be.
  constexpr int64_t sample = 4096;
  const int64_t stride = std::max<int64_t>(1, n / sample);
  float low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < n; i += stride) {
    const Matrix point = raw_points(references.slice(i, 1));
    const auto [least, most] = std::minmax_element(point.data(), point.data() + dims_);
    low = std::min(low, *least);
    high = std::max(high, *most);
  }
  low_ = low;
  // Not so fine that a sample outside the grid could not be told in steps, nor that dividing by it overflows.
  const float finest = std::max(std::ldexp(greatest, -50), FLT_MIN);
  if (high > low) step_ = std::max((high - low) / static_cast<float>(integer_levels()), finest);
}

Matrix CodeSpace::raw_points(MatrixView x) const {
  const int64_t n = x.rows, d = x.cols, r = subspace_.dimensions();
  Matrix points(n, dims_);
  if (r == 0) {
    std::copy_n(x.data, n * d, points.data());
    return points;
  }
  Matrix coordinates(n, r);
  subspace_.project(x, coordinates.mut());
  for (int64_t i = 0; i < n; ++i) {
    double inside = 0;
    for (int64_t l = 0; l < r; ++l) inside += static_cast<double>(coordinates(i, l)) * coordinates(i, l);
    std::copy(coordinates.row(i), coordinates.row(i) + r, points.row(i));
    const double squared = squared_distance(x.row(i), subspace_.mean.data(), d);
    points(i, r) = static_cast<float>(std::sqrt(std::max(0.0, squared - inside)));
    spread(points.row(i), dims_);
  }
  return points;
}

Matrix CodeSpace::points(MatrixView x) const {
  Matrix points = raw_points(x);
  float* values = points.data();
  for (int64_t l = 0; l < points.rows() * dims_; ++l) values[l] = (values[l] - low_) / step_ - 128.f;
  return points;
}

void CodeSpace::encode(const float* point, int64_t i, Codes& codes) const {
  const auto at = static_cast<size_t>(i);
  int32_t sum = 0;
  const float error = encode_row(point, dims_, static_cast<float>(integer_levels()), &codes.code[i * dims_],
                                 &sum, &codes.norm[at]);
  codes.offset[at] = codes.norm[at] - 256 * sum;
  // A little more than measured covers the float32 rounding of coordinates and distances.
  codes.moved[at] = std::sqrt(error) * 1.001f + 0.02f;
}

}  // namespace dvi
