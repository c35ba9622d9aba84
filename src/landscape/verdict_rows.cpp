#include "landscape/verdict_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/multiversion.h"

namespace dvi {
namespace {

constexpr int64_t lane = 128;  // rows judged together: their running values stay in registers and L1

// e^x for x <= 0 to 2e-7 relative: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]. Unlike std::exp it
// vectorises.
inline float exp_below_zero(float x) {
  x = std::max(x, -87.f);
  constexpr float magic = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer, kept in the low bits
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + (std::bit_cast<int32_t>(shifted) << 23));
}

// `columns` [C, lane]: the logits of `lane` rows, class by class.
DVI_MULTIVERSION
void judge_columns(const float* columns, int64_t classes, int32_t* best, float* confidence, float* margin) {
  float first[lane], second[lane], least[lane], sum[lane];
  for (int64_t i = 0; i < lane; ++i) {
    first[i] = columns[i];
    second[i] = -std::numeric_limits<float>::max();
    least[i] = columns[i];
    sum[i] = 0;
    best[i] = 0;
  }
  for (int64_t c = 1; c < classes; ++c) {
    const float* column = columns + c * lane;
    const auto index = static_cast<int32_t>(c);
    for (int64_t i = 0; i < lane; ++i) {
      const float v = column[i];
      const bool wins = v > first[i];
      const float loser = wins ? first[i] : v;
      second[i] = second[i] > loser ? second[i] : loser;
      best[i] = wins ? index : best[i];
      first[i] = wins ? v : first[i];
      least[i] = least[i] < v ? least[i] : v;
    }
  }
  for (int64_t c = 0; c < classes; ++c) {
    const float* column = columns + c * lane;
    for (int64_t i = 0; i < lane; ++i) sum[i] += exp_below_zero(column[i] - first[i]);
  }
  for (int64_t i = 0; i < lane; ++i) {
    const float range = first[i] - least[i];
    confidence[i] = 1 / sum[i];
    margin[i] = classes == 2 ? 2 * confidence[i] - 1 : range > 0 ? (first[i] - second[i]) / range : 0;
  }
}

}  // namespace

void judge_rows(MatrixView logits, float* scratch, uint16_t* classes, uint8_t* confidence, uint8_t* margin) {
  int32_t best[lane];
  float probability[lane], m[lane];
  for (int64_t begin = 0; begin < logits.rows; begin += lane) {
    const int64_t n = std::min(lane, logits.rows - begin);
    for (int64_t i = 0; i < lane; ++i) {
      const float* row = logits.row(begin + std::min(i, n - 1));
      for (int64_t c = 0; c < logits.cols; ++c) scratch[c * lane + i] = row[c];
    }
    judge_columns(scratch, logits.cols, best, probability, m);
    for (int64_t i = 0; i < n; ++i) {
      classes[begin + i] = static_cast<uint16_t>(best[i]);
      confidence[begin + i] = static_cast<uint8_t>(probability[i] * 255.f + 0.5f);
      margin[begin + i] = static_cast<uint8_t>(m[i] * 255.f);
    }
  }
}

}  // namespace dvi
