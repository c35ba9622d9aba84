// PNG files in memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dvi {

/// 8 bits a channel, rows from the top; channels: 1 grey, 2 grey and alpha, 3 red-green-blue, 4 with alpha.
struct Picture {
  int64_t width = 0, height = 0, channels = 0;
  std::vector<uint8_t> values;
};

std::string encode_png(const Picture&);
/// Throws Error if the bytes are no PNG. Only 8-bit pictures with the channels above.
Picture decode_png(const std::string& bytes);

/// The picture in a square of `side` pixels with 4 channels: as large as fits, centred, transparent around.
/// Enlarged by repeating pixels, reduced by averaging.
Picture fit_square(const Picture&, int64_t side);

}  // namespace dvi
