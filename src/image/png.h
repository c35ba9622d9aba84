// Pictures and PNG files, through libpng.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dvi {

/// 8 bits a channel, rows from the top; channels: 1 grey, 2 grey and alpha, 3 red-green-blue, 4 with alpha.
struct Picture {
  int64_t width = 0, height = 0, channels = 0;
  std::vector<uint8_t> values;  ///< [height, width, channels]
};

std::string encode_png(const Picture&);

/// Palettes become colours, 16 bits become 8. `channels` 1 to 4 asks for that many (transparency is laid on
/// black where there is no room for it); 0 takes what the file has. `name` is what messages call the picture.
/// Throws Error if the bytes are no PNG, or one of more than 16 million pixels: a few kilobytes can claim to
/// be any size.
Picture decode_png(const std::string& bytes, const std::string& name, int channels = 0);
Picture read_png(const std::filesystem::path& file, int channels = 0);

struct PictureSize {
  int64_t width = 0, height = 0, channels = 0;
  int64_t file_bytes = 0;
};
/// From the front of the file, without decoding it; throws Error as read_png does.
PictureSize read_png_size(const std::filesystem::path& file);

}  // namespace dvi
