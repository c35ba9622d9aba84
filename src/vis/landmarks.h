// Landmarks: places of the plane, as dense as the points are, that an encoder weighs (vis/plane_encoder.h).
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// [at most `count`, 2], no more than there are positions: the means of Lloyd's k-means over `positions` [n,
/// 2], a few rounds from points drawn by `seed`, or from the landmarks `before` of the epoch before if these
/// are as many, so that each stays the same part of a picture that changes.
Matrix find_landmarks(MatrixView positions, int64_t count, const Matrix* before, uint64_t seed);

/// What the landmarks nearest to a point share of it: those nearer more, by a Gaussian as wide as points are
/// distant from their nearest landmark.
struct LandmarkShares {
  int64_t per_point = 0;           ///< 4, or as many as there are
  std::vector<int32_t> landmarks;  ///< [n * per_point]
  std::vector<float> shares;       ///< [n * per_point], those of a point add up to 1
};

LandmarkShares landmark_shares(MatrixView positions, MatrixView landmarks);

}  // namespace dvi
