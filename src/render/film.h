// A figure in motion as a file: MP4, WebM or GIF by the file's ending.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "render/figure.h"

namespace dvi {

/// Whether the ending is .mp4, .webm or .gif (any case).
bool is_film_file(const std::filesystem::path&);

struct FilmOptions {
  /// Frames a second; 0: 30, for GIF 15.
  int fps = 0;
  double epochs_a_second = 2;
};

/// Moments (see Figure::draw) of the frames of a film over `epochs` epochs: from the first to the last, which
/// stays for half a second.
std::vector<double> frame_times(size_t epochs, double epochs_a_second, int fps);

/// Draws all epochs of `figure` into `file`, complete or not at all. Odd widths and heights lose a pixel,
/// which video needs. `on_frame(done, total)` is called after each frame. Throws Error if it cannot be
/// written or there is no ffmpeg.
void write_film(Figure& figure, const FilmOptions& options, const std::filesystem::path& file,
                const std::function<void(size_t, size_t)>& on_frame = {});

}  // namespace dvi
