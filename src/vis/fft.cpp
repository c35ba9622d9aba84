#include "vis/fft.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/multiversion.h"

namespace dvi {
namespace {

/// One butterfly over vectors of `n` lanes: out_j = w_j * sum_k in_k exp(-+ 2 pi i j k / Radix). Input k
/// starts at in + k * in_step, output j at out + j * n.
template <int Radix>
[[gnu::always_inline]] inline void butterfly(const float* in_re, const float* in_im, int64_t in_step,
                                             float* out_re, float* out_im, int64_t n, const float* wc,
                                             const float* ws, float sign) {
  float dc[Radix * Radix], ds[Radix * Radix];
  for (int j = 0; j < Radix; ++j)
    for (int k = 0; k < Radix; ++k) {
      // Exact for radices 2 and 4, so that the compiler's products by 0 and 1 cost no accuracy.
      const int turn = j * k % Radix;
      const double angle = 2 * std::numbers::pi * turn / Radix;
      dc[j * Radix + k] = Radix == 2 || Radix == 4 ? static_cast<float>(std::lround(std::cos(angle)))
                                                   : static_cast<float>(std::cos(angle));
      ds[j * Radix + k] = sign * (Radix == 2 || Radix == 4 ? static_cast<float>(std::lround(std::sin(angle)))
                                                           : static_cast<float>(std::sin(angle)));
    }
#ifndef __clang__  // which knows no such promise and checks for overlap when it runs
#pragma GCC ivdep
#endif
  for (int64_t q = 0; q < n; ++q) {
    float re[Radix], im[Radix];
    for (int k = 0; k < Radix; ++k) {
      re[k] = in_re[k * in_step + q];
      im[k] = in_im[k * in_step + q];
    }
    for (int j = 0; j < Radix; ++j) {
      float a, b;
      if constexpr (Radix == 2) {
        a = j == 0 ? re[0] + re[1] : re[0] - re[1];
        b = j == 0 ? im[0] + im[1] : im[0] - im[1];
      } else if constexpr (Radix == 4) {
        const float even_re = j % 2 == 0 ? re[0] + re[2] : re[0] - re[2],
                    even_im = j % 2 == 0 ? im[0] + im[2] : im[0] - im[2];
        const float odd_re = j % 2 == 0 ? re[1] + re[3] : re[1] - re[3],
                    odd_im = j % 2 == 0 ? im[1] + im[3] : im[1] - im[3];
        const float s = j < 2 ? 1.f : -1.f;
        if (j % 2 == 0) {
          a = even_re + s * odd_re;
          b = even_im + s * odd_im;
        } else {  // times -i (forward) or i
          a = even_re + s * sign * -1.f * -odd_im;
          b = even_im + s * sign * -1.f * odd_re;
        }
      } else {
        a = re[0];
        b = im[0];
        for (int k = 1; k < Radix; ++k) {
          // exp(-i angle) forward: (re + i im)(c - i s)
          a += re[k] * dc[j * Radix + k] + im[k] * ds[j * Radix + k];
          b += im[k] * dc[j * Radix + k] - re[k] * ds[j * Radix + k];
        }
      }
      const float c = wc[j], s = sign * ws[j];
      out_re[j * n + q] = a * c + b * s;
      out_im[j * n + q] = b * c - a * s;
    }
  }
}

template <int Radix>
[[gnu::always_inline]] inline void run_stage(const float* re, const float* im, float* out_re, float* out_im,
                                             int64_t groups, int64_t lanes, const float* cosine,
                                             const float* sine, float sign) {
  for (int64_t p = 0; p < groups; ++p)
    butterfly<Radix>(re + p * lanes, im + p * lanes, groups * lanes, out_re + p * Radix * lanes,
                     out_im + p * Radix * lanes, lanes, cosine + p * Radix, sine + p * Radix, sign);
}

DVI_MULTIVERSION void run_any_stage(int radix, const float* re, const float* im, float* out_re, float* out_im,
                                    int64_t groups, int64_t lanes, const float* cosine, const float* sine,
                                    float sign) {
  switch (radix) {
    case 2:
      run_stage<2>(re, im, out_re, out_im, groups, lanes, cosine, sine, sign);
      break;
    case 3:
      run_stage<3>(re, im, out_re, out_im, groups, lanes, cosine, sine, sign);
      break;
    case 4:
      run_stage<4>(re, im, out_re, out_im, groups, lanes, cosine, sine, sign);
      break;
    default:
      run_stage<5>(re, im, out_re, out_im, groups, lanes, cosine, sine, sign);
      break;
  }
}

}  // namespace

int64_t Fft::good_length(int64_t minimum) {
  for (int64_t n = std::max<int64_t>(4, (minimum + 3) / 4 * 4);; n += 4) {
    int64_t rest = n;
    for (const int64_t f : {2, 3, 5})
      while (rest % f == 0) rest /= f;
    if (rest == 1) return n;
  }
}

Fft::Fft(int64_t length) : length_(length) {
  int64_t rest = length, stride = 1;
  while (rest > 1) {
    int radix = 0;
    for (const int r : {4, 5, 3, 2})
      if (rest % r == 0) {
        radix = r;
        break;
      }
    if (radix == 0) fail("expected a transform length of factors 2, 3 and 5, found {}", length);
    Stage stage{radix, rest / radix, stride, {}, {}};
    for (int64_t p = 0; p < stage.groups; ++p)
      for (int j = 0; j < radix; ++j) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(j * p) / static_cast<double>(rest);
        stage.cosine.push_back(static_cast<float>(std::cos(angle)));
        stage.sine.push_back(static_cast<float>(std::sin(angle)));
      }
    stages_.push_back(std::move(stage));
    rest /= radix;
    stride *= radix;
  }
}

void Fft::transform(float* re, float* im, int64_t columns, bool inverse,
                    AlignedVector<float>& scratch) const {
  const int64_t size = length_ * columns;
  scratch.resize(static_cast<size_t>(2 * size));
  float *from_re = re, *from_im = im, *to_re = scratch.data(), *to_im = scratch.data() + size;
  for (const auto& stage : stages_) {
    run_any_stage(stage.radix, from_re, from_im, to_re, to_im, stage.groups, stage.stride * columns,
                  stage.cosine.data(), stage.sine.data(), inverse ? -1.f : 1.f);
    std::swap(from_re, to_re);
    std::swap(from_im, to_im);
  }
  if (from_re != re) {
    std::copy(from_re, from_re + size, re);
    std::copy(from_im, from_im + size, im);
  }
}

}  // namespace dvi
