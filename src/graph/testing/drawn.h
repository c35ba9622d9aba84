// Random matrices for tests.
#pragma once

#include "core/matrix.h"
#include "core/random.h"

namespace dvi {

/// Normal numbers of standard deviation `scale`.
inline Matrix drawn(int64_t rows, int64_t cols, double scale, uint64_t seed) {
  Random random(seed);
  Matrix out(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) out.data()[i] = static_cast<float>(scale * random.normal());
  return out;
}

}  // namespace dvi
