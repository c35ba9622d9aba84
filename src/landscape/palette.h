// Class colours and the shading of the landscape, for pictures made without a browser. The page draws with
// the same rule (web/src/color).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Rgb&) const = default;
};

/// OKLCH (B. Ottosson, 2020) to sRGB, clipped; `hue` in turns.
Rgb oklch(double lightness, double chroma, double hue);

/// One colour a class. Up to ten: the sequence of M. A. Petroff, "Accessible color sequences for data
/// visualization" (2021), which stays apart for colour-blind eyes. Beyond ten, hue steps by the golden ratio
/// in OKLCH while lightness and chroma take three values each, so that neighbours in the list differ most and
/// 1,000 classes get about 1,000 colours.
std::vector<Rgb> class_palette(int classes);

/// How a landscape is coloured: a cell is `ground` mixed with a share of its class colour, low_share at
/// confidence 0 and high_share at confidence 1; cells with m < landscape_delta are `boundary`.
struct LandscapeStyle {
  Rgb ground{255, 255, 255};
  float low_share = 0.12f, high_share = 0.46f;
  Rgb boundary{255, 255, 255};
};

/// [size * size] pixels, the first row at the top (largest y). The arrays are those of a Landscape or of a
/// stored Territory, whose first row has the smallest y.
std::vector<Rgb> shade(int64_t size, std::span<const uint16_t> classes, std::span<const uint8_t> confidence,
                       std::span<const uint8_t> margin, const std::vector<Rgb>& palette,
                       const LandscapeStyle& style = {});

}  // namespace dvi
