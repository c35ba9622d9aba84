// Samples with one and the same feature vector are one place on the map.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// For each row of `features` [N, D] the first row that is equal to it, itself if there is none before. 0 and
/// -0 are equal.
std::vector<int32_t> first_identical(MatrixView features);

/// Moves samples with equal features to the mean of their positions [N, 2]. A layout pushes them apart as it
/// does any samples, and would draw a ring of what is a point.
void unite_identical(MatrixView features, Matrix& positions);

}  // namespace dvi
