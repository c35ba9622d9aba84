// Pictures of any shape in squares of one size, for thumbnails.
#pragma once

#include "image/png.h"

namespace dvi {

/// The picture in a square of `side` pixels with 4 channels: as large as fits, centred, transparent around.
/// Enlarged by repeating pixels, reduced by averaging.
Picture fit_square(const Picture&, int64_t side);

}  // namespace dvi
