#include "image/png.h"

#include <png.h>

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

constexpr uint64_t most_file = uint64_t{64} << 20;

/// A PNG whose front was read.
class Decoder {
 public:
  Decoder(const std::string& bytes, const std::string& name) : name_(name) {
    image_.version = PNG_IMAGE_VERSION;
    check(png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()));
    constexpr int64_t most_pixels = int64_t{16} << 20;
    if (width() * height() <= most_pixels) return;
    png_image_free(&image_);
    fail("{}: expected an image of at most {} million pixels, found {} x {}; scale it down", name,
         most_pixels >> 20, width(), height());
  }
  ~Decoder() { png_image_free(&image_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  int64_t width() const { return image_.width; }
  int64_t height() const { return image_.height; }
  int64_t channels() const { return PNG_IMAGE_SAMPLE_CHANNELS(image_.format); }
  Picture decode(int channels) {
    Picture picture{width(), height(), channels == 0 ? this->channels() : channels, {}};
    image_.format = format_of(picture.channels);
    picture.values.resize(PNG_IMAGE_SIZE(image_));
    const png_color black{0, 0, 0};
    check(png_image_finish_read(&image_, &black, picture.values.data(), 0, nullptr));
    return picture;
  }

 private:
  void check(int ok) {
    if (ok != 0) return;
    const std::string reason = image_.message;
    png_image_free(&image_);
    fail("{}: expected a PNG image, found something else ({}); write it again or leave it out", name_,
         reason);
  }
  png_image image_{};
  const std::string& name_;
};

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
  return Decoder(bytes, name).decode(channels);
}

Picture read_png(const std::filesystem::path& file, int channels) {
  return decode_png(read_file(file, most_file), file.string(), channels);
}

PictureSize read_png_size(const std::filesystem::path& file) {
  const std::string bytes = read_file(file, most_file), name = file.string();
  const Decoder decoder(bytes, name);
  return {decoder.width(), decoder.height(), decoder.channels(), static_cast<int64_t>(bytes.size())};
}

}  // namespace dvi
