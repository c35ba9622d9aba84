#include "landscape/palette.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/parallel.h"
#include "landscape/landscape.h"

namespace dvi {
namespace {

constexpr uint32_t ten[] = {0x3f90da, 0xffa90e, 0xbd1f01, 0x94a4a2, 0x832db6,
                            0xa96b59, 0xe76300, 0xb9ac70, 0x717581, 0x92dadd};

uint8_t byte_of(double linear) {
  const double c = std::clamp(linear, 0.0, 1.0);
  return static_cast<uint8_t>(
      std::floor(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055) + 0.5));
}

Rgb class_color(int index, int classes) {
  if (classes <= 10)
    return {static_cast<uint8_t>(ten[index] >> 16), static_cast<uint8_t>(ten[index] >> 8 & 255),
            static_cast<uint8_t>(ten[index] & 255)};
  constexpr double lightness[] = {0.7, 0.52, 0.82}, chroma[] = {0.16, 0.14, 0.12};
  return oklch(lightness[index % 3], chroma[index / 3 % 3], std::fmod(index * 0.6180339887 + 0.05, 1.0));
}

}  // namespace

Rgb oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(2 * std::numbers::pi * hue),
               b = chroma * std::sin(2 * std::numbers::pi * hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.291485548 * b, 3);
  return {byte_of(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          byte_of(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          byte_of(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s)};
}

std::vector<Rgb> class_palette(int classes) {
  std::vector<Rgb> palette;
  for (int c = 0; c < classes; ++c) palette.push_back(class_color(c, classes));
  return palette;
}

std::vector<Rgb> shade(int64_t size, std::span<const uint16_t> classes, std::span<const uint8_t> confidence,
                       std::span<const uint8_t> margin, const std::vector<Rgb>& palette,
                       const LandscapeStyle& style) {
  if (palette.empty()) fail("shade: expected a palette of at least one colour, found none");
  std::vector<Rgb> pixels(classes.size());
  parallel_for(size, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < size; ++column) {
        const auto cell = static_cast<size_t>((size - 1 - row) * size + column);
        Rgb& pixel = pixels[static_cast<size_t>(row * size + column)];
        if (margin[cell] < Landscape::boundary_byte) {
          pixel = style.boundary;
          continue;
        }
        const Rgb color = palette[classes[cell] % palette.size()];
        const float share = style.low_share + (style.high_share - style.low_share) *
                                                  static_cast<float>(confidence[cell]) / 255.f;
        const auto mix = [share](uint8_t ground, uint8_t ink) {
          return static_cast<uint8_t>(static_cast<float>(ground) + static_cast<float>(ink - ground) * share +
                                      0.5f);
        };
        pixel = {mix(style.ground.r, color.r), mix(style.ground.g, color.g), mix(style.ground.b, color.b)};
      }
  });
  return pixels;
}

}  // namespace dvi
