// Pictures of another size, as a classifier's input.
#pragma once

#include "image/png.h"

namespace dvi {

/// The picture's middle, as much of it as has the proportions asked for, in width x height pixels with as
/// many channels. A pixel is the mean of what it covers, or, where the picture is enlarged, interpolated
/// linearly between its neighbours.
Picture resized(const Picture&, int64_t width, int64_t height);

}  // namespace dvi
