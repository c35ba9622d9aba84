#include "import/png_image.h"

#include <png.h>

#include <cstring>
#include <string>

#include "core/error.h"
#include "core/file.h"

namespace dvi {

PngImage read_png(const std::filesystem::path& file, int channels) {
  const std::string content = read_file(file);
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  const auto check = [&](int ok) {
    if (ok != 0) return;
    const std::string reason = image.message;
    png_image_free(&image);
    fail("{}: expected a PNG image, found something else ({}); write it again or remove the folder of images",
         file.string(), reason);
  };
  check(png_image_begin_read_from_memory(&image, content.data(), content.size()));
  if (image.width > 16384 || image.height > 16384) {
    png_image_free(&image);
    fail("{}: expected an image of at most 16384 x 16384 pixels, found a larger one; scale it down",
         file.string());
  }
  if (channels == 0)
    channels = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0   ? 4
               : (image.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3
                                                             : 1;
  image.format = channels == 4 ? PNG_FORMAT_RGBA : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  PngImage result{image.height, image.width, channels, {}};
  result.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&image, &black, result.pixels.data(), 0, nullptr));
  return result;
}

}  // namespace dvi
