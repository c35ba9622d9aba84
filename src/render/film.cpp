#include "render/film.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "render/ffmpeg.h"
#include "render/picture_file.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// A name beside `file` that is removed unless it was renamed.
class Unfinished {
 public:
  Unfinished(const fs::path& file, const std::string& ending)
      : path_(file.parent_path() / fmt::format(".{}.{}{}", file.filename().string(), getpid(), ending)) {}
  ~Unfinished() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The frame as ffmpeg takes it.
class FrameMaker {
 public:
  explicit FrameMaker(Figure& figure)
      : figure_(figure),
        width_(figure.width() & ~1),
        height_(figure.height() & ~1),
        surface_(make_picture(width_, height_)),
        pixels_(static_cast<size_t>(width_) * static_cast<size_t>(height_) * 4) {}
  int width() const { return width_; }
  int height() const { return height_; }
  std::span<const std::byte> at(double time) {
    {
      const CairoContext cairo(cairo_create(surface_.get()));
      figure_.draw(cairo.get(), time);
      if (const auto status = cairo_status(cairo.get()); status != CAIRO_STATUS_SUCCESS)
        fail("a frame of the film could not be drawn: {}", cairo_status_to_string(status));
    }
    cairo_surface_flush(surface_.get());
    const unsigned char* rows = cairo_image_surface_get_data(surface_.get());
    const auto stride = static_cast<size_t>(cairo_image_surface_get_stride(surface_.get()));
    const size_t row = static_cast<size_t>(width_) * 4;
    for (size_t y = 0; y < static_cast<size_t>(height_); ++y)
      std::memcpy(pixels_.data() + y * row, rows + y * stride, row);
    return pixels_;
  }

 private:
  Figure& figure_;
  int width_, height_;
  CairoSurface surface_;
  std::vector<std::byte> pixels_;
};

/// Players assume HD video to be in BT.709 colours; without the filter ffmpeg would write BT.601.
const Words hd_colors = {"-vf",
                         "scale=out_color_matrix=bt709:out_range=tv",
                         "-colorspace",
                         "bt709",
                         "-color_primaries",
                         "bt709",
                         "-color_trc",
                         "bt709",
                         "-color_range",
                         "tv"};

Words video_output(const std::string& ending, const fs::path& file) {
  Words words = hd_colors;
  const Words mp4 = {"-c:v",    "libx264",   "-preset",    "medium", "-crf", "18",         "-pix_fmt",
                     "yuv420p", "-movflags", "+faststart", "-f",     "mp4",  file.string()};
  const Words webm = {"-c:v",     "libvpx-vp9", "-crf",      "24",   "-b:v",       "0",
                      "-row-mt",  "1",          "-deadline", "good", "-cpu-used",  "4",
                      "-pix_fmt", "yuv420p",    "-f",        "webm", file.string()};
  const Words& more = ending == "mp4" ? mp4 : webm;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// 256 colours for the whole film, chosen from its epochs: one palette for all frames neither flickers nor
/// needs the whole film in memory.
void write_gif_palette(Figure& figure, FrameMaker& frames, const fs::path& palette) {
  Ffmpeg ffmpeg(frames.width(), frames.height(), 1,
                {"-vf", "palettegen=reserve_transparent=0:stats_mode=full", "-f", "image2", "-frames:v", "1",
                 "-update", "1", palette.string()});
  const size_t epochs = figure.epochs().size();
  const size_t step = std::max<size_t>(1, epochs / 16);
  for (size_t i = 0; i < epochs; i += step) ffmpeg.add_frame(frames.at(static_cast<double>(i)));
  ffmpeg.finish();
}

}  // namespace

bool is_film_file(const fs::path& file) {
  const std::string ending = file_ending(file);
  return ending == "mp4" || ending == "webm" || ending == "gif";
}

std::vector<double> frame_times(size_t epochs, double epochs_a_second, int fps) {
  const double last = static_cast<double>(epochs - 1);
  const auto moving = std::max<long>(1, std::lround(last / epochs_a_second * fps));
  std::vector<double> times;
  for (long k = 0; k < moving; ++k)
    times.push_back(last * static_cast<double>(k) / static_cast<double>(moving));
  times.insert(times.end(), static_cast<size_t>(std::max(1, fps / 2)), last);
  return times;
}

void write_film(Figure& figure, const FilmOptions& options, const fs::path& file,
                const std::function<void(size_t, size_t)>& on_frame) {
  const std::string ending = file_ending(file);
  const bool gif = ending == "gif";
  const int fps = options.fps > 0 ? options.fps : gif ? 15 : 30;
  FrameMaker frames(figure);
  const Unfinished film(file, ".tmp"), palette(file, ".png");
  Words output;
  if (gif) {
    write_gif_palette(figure, frames, palette.path());
    output = {"-i",
              palette.path().string(),
              "-filter_complex",
              "paletteuse=dither=sierra2_4a:diff_mode=rectangle",
              "-f",
              "gif",
              film.path().string()};
  } else {
    output = video_output(ending, film.path());
  }
  Ffmpeg ffmpeg(frames.width(), frames.height(), fps, output);
  const auto times = frame_times(figure.epochs().size(), options.epochs_a_second, fps);
  for (size_t k = 0; k < times.size(); ++k) {
    ffmpeg.add_frame(frames.at(times[k]));
    if (on_frame) on_frame(k + 1, times.size());
  }
  ffmpeg.finish();
  std::error_code error;
  fs::rename(film.path(), file, error);
  if (error) fail("{}: cannot be written: {}", file.string(), error.message());
}

}  // namespace dvi
