// How many pieces the territories of a landscape are in.
#pragma once

#include <cstdint>

#include "landscape/landscape.h"

namespace dvi {

/// Connected parts (cells that share a side) of one class that take at least `least_share` of all cells. As
/// many as there are classes is the least that a classifier who predicts them all can have; more tell of
/// territory that is torn, or of islands.
int64_t landscape_parts(const Landscape&, double least_share = 0.001);

}  // namespace dvi
