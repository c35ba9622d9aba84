// A figure as a file: PNG, SVG or PDF by the file's ending.
#pragma once

#include <filesystem>

#include "render/figure.h"

namespace dvi {

/// Whether the ending is .png, .svg or .pdf (any case).
bool is_picture_file(const std::filesystem::path&);

/// Draws `figure` at `time` (see Figure::draw) into `file`, which is written at once or not at all. In PDF a
/// pixel is a point of 1/72 inch. Throws Error if it cannot be written.
void write_picture(Figure& figure, double time, const std::filesystem::path& file);

/// The same as bytes, for the ending "png", "svg" or "pdf".
std::string picture_bytes(Figure& figure, double time, const std::string& ending);

/// The ending in lower case without its dot.
std::string file_ending(const std::filesystem::path&);

}  // namespace dvi
