#include "graph/kmeans.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/multiversion.h"
#include "core/random.h"
#include "graph/bound_codes.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t block = 256;  // rows that a thread compares with all centres at once

DVI_MULTIVERSION float smallest(const float* x, int64_t n) {
  float lane[16];
  std::fill(lane, lane + 16, INFINITY);
  int64_t l = 0;
  for (; l + 16 <= n; l += 16)
    for (int k = 0; k < 16; ++k) lane[k] = x[l + k] < lane[k] ? x[l + k] : lane[k];
  for (; l < n; ++l) lane[0] = std::min(lane[0], x[l]);
  return *std::min_element(lane, lane + 16);
}

/// squared[j] = norm + norms[j] - 2 * squared[j], which held the product.
DVI_MULTIVERSION void finish_distances(float* squared, int64_t n, float norm, const float* norms) {
  for (int64_t j = 0; j < n; ++j) squared[j] = norm + norms[j] - 2 * squared[j];
}

}  // namespace

float squared_norm(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t l = 0; l < n; ++l) sum += static_cast<double>(x[l]) * x[l];
  return static_cast<float>(sum);
}

Centres::Centres(const Matrix& sample, int64_t count) {
  Random random(1, 0xce11);
  const int64_t n = sample.rows(), d = sample.cols();
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  for (int64_t i = 0; i < count; ++i)
    std::swap(ids[i], ids[static_cast<size_t>(i) + random.below(static_cast<uint64_t>(n - i))]);
  set(gather_rows(sample, std::span(ids).first(count)));
  constexpr int rounds = 5;
  for (int round = 0; count > 1 && round < rounds; ++round) {
    std::vector<int32_t> cell(n);
    shared_for(n, block,
               [&](int64_t begin, int64_t end, int) {
                 Matrix squared;
                 nearest(sample.view().slice(begin, end - begin), squared, &cell[begin]);
               },
               {shared_rows(cell)});
    std::vector<double> sum(count * d);
    std::vector<int64_t> size(count);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t c = cell[i];
      ++size[c];
      for (int64_t l = 0; l < d; ++l) sum[c * d + l] += sample(i, l);
    }
    Matrix moved = points_;
    for (int64_t c = 0; c < count; ++c)
      for (int64_t l = 0; size[c] > 0 && l < d; ++l)
        moved(c, l) = static_cast<float>(sum[c * d + l] / static_cast<double>(size[c]));
    set(std::move(moved));
  }
  put_in_order();
}

void Centres::distances(MatrixView x, Matrix& squared) const {
  if (squared.rows() < x.rows) squared = Matrix(x.rows, count());
  multiply(x, transposed(points_), squared.mut().slice(0, x.rows));
  for (int64_t i = 0; i < x.rows; ++i)
    finish_distances(squared.row(i), count(), squared_norm(x.row(i), x.cols), norms_.data());
}

void Centres::nearest(MatrixView x, Matrix& squared, int32_t* cell) const {
  distances(x, squared);
  for (int64_t i = 0; i < x.rows; ++i) {
    const float* row = squared.row(i);
    cell[i] = static_cast<int32_t>(std::find(row, row + count() - 1, smallest(row, count())) - row);
  }
}

void Centres::set(Matrix points) {
  points_ = std::move(points);
  norms_.resize(points_.rows());
  for (int64_t c = 0; c < points_.rows(); ++c) norms_[c] = squared_norm(points_.row(c), points_.cols());
}

/// A chain that goes on to the nearest centre not yet visited.
void Centres::put_in_order() {
  std::vector<int32_t> left(count()), chain;
  std::iota(left.begin(), left.end(), 0);
  size_t at = 0;
  while (!left.empty()) {
    const int32_t from = left[at];
    chain.push_back(from);
    left.erase(left.begin() + static_cast<int64_t>(at));
    float best = INFINITY;
    for (size_t l = 0; l < left.size(); ++l)
      if (const float d = squared_distance(points_.row(from), points_.row(left[l]), points_.cols());
          l == 0 || d < best) {
        best = d;
        at = l;
      }
  }
  set(gather_rows(points_, chain));
}

}  // namespace dvi
