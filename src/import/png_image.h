// PNG files as 8-bit pixels, through libpng.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dvi {

struct PngImage {
  int64_t height = 0, width = 0, channels = 0;  ///< 1 grey, 3 colour, 4 with transparency
  std::vector<uint8_t> pixels;                  ///< [height, width, channels]
};

/// Palettes become colours, 16 bits become 8. `channels` 1, 3 or 4 asks for that many; 0 takes what the file
/// has. Throws Error naming the file.
PngImage read_png(const std::filesystem::path& file, int channels = 0);

}  // namespace dvi
