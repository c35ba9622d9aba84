#include "render/theme.h"

#include <cmath>
#include <numbers>

namespace dvi {

const Theme& theme(bool dark) {
  static const Theme light{.paper = {255, 255, 255},
                           .ink = {20, 23, 31},
                           .soft_ink = {86, 92, 104},
                           .outline = {20, 23, 31},
                           .outline_share = 0.38,
                           .landscape = {.ground = {250, 250, 251}, .low_share = 0.14f, .high_share = 0.48f},
                           .border_paleness = 0.97,
                           .edge_paleness = 0.5};
  static const Theme night{.paper = {22, 25, 31},
                           .ink = {245, 246, 248},
                           .soft_ink = {166, 173, 186},
                           .outline = {13, 15, 20},
                           .outline_share = 0.6,
                           .landscape = {.ground = {22, 25, 31},
                                         .low_share = 0.1f,
                                         .high_share = 0.5f,
                                         .boundary = {237, 240, 245}},
                           .border_paleness = 0.92,
                           .edge_paleness = 0.3};
  return dark ? night : light;
}

Rgb mix(Rgb under, Rgb over, double share) {
  const auto channel = [share](uint8_t a, uint8_t b) {
    return static_cast<uint8_t>(std::lround(a + (b - a) * share));
  };
  return {channel(under.r, over.r), channel(under.g, over.g), channel(under.b, over.b)};
}

const std::vector<Rgb>& value_ramp(bool dark) {
  static const auto make = [](bool night) {
    std::vector<Rgb> ramp;
    for (int i = 0; i < 256; ++i) {
      const double t = i / 255.0;
      const double lightness = night ? 0.32 + 0.6 * t : 0.88 - 0.56 * t;
      const double hue = night ? 0.76 - 0.48 * t : 0.28 + 0.48 * t;
      ramp.push_back(oklch(lightness, 0.11 + 0.04 * std::sin(std::numbers::pi * t), hue));
    }
    return ramp;
  };
  static const std::vector<Rgb> light = make(false), night = make(true);
  return dark ? night : light;
}

}  // namespace dvi
