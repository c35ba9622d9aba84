#include "graph/selection.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>

namespace dvi {

void insert(std::vector<Hit>& hits, int k, Hit hit) {
  if (static_cast<int>(hits.size()) == k) {
    if (!(hit < hits.back())) return;
    hits.pop_back();
  }
  hits.insert(std::upper_bound(hits.begin(), hits.end(), hit), hit);
}

void CandidateList::clear(int kept, int32_t limit) {
  kept_ = static_cast<size_t>(kept);
  items_.clear();
  limit_ = limit;
}

std::span<const Candidate> CandidateList::sorted() {
  if (items_.size() > kept_) shrink();
  std::sort(items_.begin(), items_.end());
  return items_;
}

void CandidateList::shrink() {
  const auto last = items_.begin() + static_cast<int64_t>(kept_) - 1;
  std::nth_element(items_.begin(), last, items_.end());
  limit_ = last->squared;
  items_.resize(kept_);
}

int64_t select_below_portable(const int32_t* product, const int32_t* norm, int64_t width, int32_t limit,
                              int32_t* out) {
  int64_t count = 0;
  for (int64_t j = 0; j < width; ++j) {
    out[count] = static_cast<int32_t>(j);
    count += static_cast<int64_t>(norm[j] - 2 * product[j] < limit);
  }
  return count;
}

namespace {

#ifdef __x86_64__
__attribute__((target("avx512f"))) int64_t select_below_avx512(const int32_t* product, const int32_t* norm,
                                                               int64_t width, int32_t limit, int32_t* out) {
  const __m512i limits = _mm512_set1_epi32(limit);
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  int64_t count = 0;
  for (int64_t j = 0; j < width; j += 16) {
    const auto valid = static_cast<__mmask16>(width - j >= 16 ? 0xffff : (1u << (width - j)) - 1);
    const __m512i p = _mm512_maskz_loadu_epi32(valid, product + j);
    const __m512i squared =
        _mm512_sub_epi32(_mm512_maskz_loadu_epi32(valid, norm + j), _mm512_add_epi32(p, p));
    const __mmask16 below = _mm512_mask_cmplt_epi32_mask(valid, squared, limits);
    if (below == 0) continue;
    _mm512_storeu_si512(
        out + count,
        _mm512_maskz_compress_epi32(below, _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(j)))));
    count += std::popcount(static_cast<uint32_t>(below));
  }
  return count;
}

__attribute__((target("avx2"))) int64_t select_below_avx2(const int32_t* product, const int32_t* norm,
                                                          int64_t width, int32_t limit, int32_t* out) {
  const __m256i limits = _mm256_set1_epi32(limit);
  int64_t count = 0, j = 0;
  for (; j + 8 <= width; j += 8) {
    const __m256i p = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(product + j));
    const __m256i squared = _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(norm + j)),
                                             _mm256_add_epi32(p, p));
    auto below =
        static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(limits, squared))));
    for (; below != 0; below &= below - 1) out[count++] = static_cast<int32_t>(j) + std::countr_zero(below);
  }
  for (; j < width; ++j)
    if (norm[j] - 2 * product[j] < limit) out[count++] = static_cast<int32_t>(j);
  return count;
}

const auto widest = __builtin_cpu_supports("avx512f") ? select_below_avx512
                    : __builtin_cpu_supports("avx2")  ? select_below_avx2
                                                      : select_below_portable;
#else
const auto widest = select_below_portable;
#endif

}  // namespace

int64_t select_below(const int32_t* product, const int32_t* norm, int64_t width, int32_t limit,
                     int32_t* out) {
  return widest(product, norm, width, limit, out);
}

}  // namespace dvi
