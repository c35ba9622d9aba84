#include "vis/attraction.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <numeric>

namespace dvi {

void attraction_portable(const int32_t* target, const float* weight, int64_t n, float x, float y,
                         const float* positions, float* force) {
  constexpr int64_t lanes = 8;
  float fx[lanes] = {}, fy[lanes] = {};
  const auto add = [&](int64_t e, int64_t lane) {
    const float* const at = positions + 2 * int64_t{target[e]};
    const float dx = x - at[0], dy = y - at[1];
    const float pull = weight[e] / (1 + dx * dx + dy * dy);
    fx[lane] += pull * dx;
    fy[lane] += pull * dy;
  };
  int64_t e = 0;
  for (; e + lanes <= n; e += lanes)
    for (int64_t l = 0; l < lanes; ++l) add(e + l, l);
  for (; e < n; ++e) add(e, 0);
  force[0] = std::accumulate(fx, fx + lanes, 0.f);
  force[1] = std::accumulate(fy, fy + lanes, 0.f);
}

namespace {

#ifdef __x86_64__
/// x and y of a point as one number of 8 bytes.
inline double place(const float* positions, int32_t point) {
  double both;
  std::memcpy(&both, positions + 2 * int64_t{point}, sizeof both);
  return both;
}

/// Adds the pulls of eight edges. To gather their places by one instruction would take longer.
__attribute__((target("avx2,fma"), always_inline)) inline void add_pulls(const int32_t* target,
                                                                         const float* weight, __m256 x,
                                                                         __m256 y, const float* positions,
                                                                         __m256& fx, __m256& fy) {
  const __m256 a = _mm256_castpd_ps(_mm256_set_pd(place(positions, target[5]), place(positions, target[4]),
                                                  place(positions, target[1]), place(positions, target[0]))),
               b = _mm256_castpd_ps(_mm256_set_pd(place(positions, target[7]), place(positions, target[6]),
                                                  place(positions, target[3]), place(positions, target[2])));
  const __m256 dx = _mm256_sub_ps(x, _mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0))),
               dy = _mm256_sub_ps(y, _mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
  const __m256 away = _mm256_fmadd_ps(dx, dx, _mm256_fmadd_ps(dy, dy, _mm256_set1_ps(1)));
  const __m256 pull = _mm256_div_ps(_mm256_loadu_ps(weight), away);
  fx = _mm256_fmadd_ps(pull, dx, fx);
  fy = _mm256_fmadd_ps(pull, dy, fy);
}

__attribute__((target("avx2,fma"))) void attraction_avx2(const int32_t* __restrict target,
                                                         const float* __restrict weight, int64_t n, float x,
                                                         float y, const float* __restrict positions,
                                                         float* __restrict force) {
  constexpr int64_t lanes = 8;
  const __m256 x8 = _mm256_set1_ps(x), y8 = _mm256_set1_ps(y);
  __m256 fx = _mm256_setzero_ps(), fy = fx;
  int64_t e = 0;
  for (; e + lanes <= n; e += lanes) add_pulls(target + e, weight + e, x8, y8, positions, fx, fy);
  if (e < n) {
    int32_t last_target[lanes];
    float last_weight[lanes];
    for (int64_t l = 0; l < lanes; ++l) {
      last_target[l] = target[std::min(e + l, n - 1)];
      last_weight[l] = e + l < n ? weight[e + l] : 0;
    }
    add_pulls(last_target, last_weight, x8, y8, positions, fx, fy);
  }
  alignas(32) float sums[2 * lanes];
  _mm256_store_ps(sums, fx);
  _mm256_store_ps(sums + lanes, fy);
  force[0] = std::accumulate(sums, sums + lanes, 0.f);
  force[1] = std::accumulate(sums + lanes, sums + 2 * lanes, 0.f);
}

const auto widest =
    __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? attraction_avx2 : attraction_portable;
#else
const auto widest = attraction_portable;
#endif

}  // namespace

void attraction(const int32_t* target, const float* weight, int64_t n, float x, float y,
                const float* positions, float* force) {
  widest(target, weight, n, x, y, positions, force);
}

}  // namespace dvi
