#include "image/png.h"

#include <png.h>

#include <memory>

#include "core/error.h"
#include "core/file.h"

namespace dvi {
namespace {

png_uint_32 format_of(int64_t channels) {
  switch (channels) {
    case 1:
      return PNG_FORMAT_GRAY;
    case 2:
      return PNG_FORMAT_GA;
    case 3:
      return PNG_FORMAT_RGB;
    case 4:
      return PNG_FORMAT_RGBA;
  }
  fail("png: expected 1 to 4 channels, found {}", channels);
}

png_image describe(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = format_of(picture.channels);
  image.flags = PNG_IMAGE_FLAG_FAST;
  return image;
}

}  // namespace

std::string encode_png(const Picture& picture) {
  if (static_cast<int64_t>(picture.values.size()) != picture.width * picture.height * picture.channels)
    fail("png: expected {} x {} x {} values, found {}", picture.height, picture.width, picture.channels,
         picture.values.size());
  png_image image = describe(picture);
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.values.data(), 0, nullptr))
    fail("png: {}", image.message);
  bytes.resize(size);
  return bytes;
}

Picture decode_png(const std::string& bytes, const std::string& name, int channels) {
  constexpr png_uint_32 most_pixels = 16384;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> release(&image, png_image_free);
  const auto check = [&](int ok) {
    if (ok == 0)
      fail("{}: expected a PNG image, found something else ({}); write it again or leave it out", name,
           image.message);
  };
  check(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()));
  if (image.width > most_pixels || image.height > most_pixels)
    fail("{}: expected an image of at most {} x {} pixels, found {} x {}; scale it down", name, most_pixels,
         most_pixels, image.width, image.height);
  Picture picture{image.width, image.height, channels, {}};
  if (channels == 0) picture.channels = PNG_IMAGE_SAMPLE_CHANNELS(image.format);
  image.format = format_of(picture.channels);
  picture.values.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&image, &black, picture.values.data(), 0, nullptr));
  return picture;
}

Picture read_png(const std::filesystem::path& file, int channels) {
  return decode_png(read_file(file), file.string(), channels);
}

}  // namespace dvi
