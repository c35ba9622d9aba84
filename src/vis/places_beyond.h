// The places of the plane that the decoder learns to lead back from: where the samples lie, and some beyond
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

struct Places {
  Matrix at;                     ///< [m, 2]: the n positions, then places beyond
  std::vector<int32_t> sources;  ///< [m] which of the n rows each leads to: itself, or the nearest
};

/// `positions` [n, 2] and about `share` * n places all over a square a fifth wider than the picture, but for
/// those among the samples, each leading to the sample (one of the first `samples` rows) that is nearest to
/// it.
Places with_places_beyond(MatrixView positions, int64_t samples, double share, uint64_t seed);

}  // namespace dvi
