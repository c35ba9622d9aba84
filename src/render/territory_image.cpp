#include "render/territory_image.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "landscape/landscape.h"

namespace dvi {
namespace {

/// The two cells around a pixel's centre along one axis, and the share of the second.
struct Between {
  int64_t first, second;
  float share;
};

std::vector<Between> between_cells(int64_t cells, int side) {
  std::vector<Between> out;
  for (int i = 0; i < side; ++i) {
    const double at = (i + 0.5) * static_cast<double>(cells) / side - 0.5;
    const auto first = static_cast<int64_t>(std::floor(at));
    out.push_back({std::clamp<int64_t>(first, 0, cells - 1), std::clamp<int64_t>(first + 1, 0, cells - 1),
                   static_cast<float>(at - std::floor(at))});
  }
  return out;
}

float smoothstep(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.f, 1.f);
  return t * t * (3 - 2 * t);
}

uint8_t round_byte(float value) { return static_cast<uint8_t>(value + 0.5f); }

}  // namespace

TerritoryImage territory_image(const Territory& territory, std::span<const uint8_t> fade,
                               const std::vector<Rgb>& palette, const Theme& theme, int side) {
  const int64_t cells = territory.size;
  // Margins of 1 everywhere leave the boundary out: it is drawn below, between cells.
  const std::vector<uint8_t> no_boundary(cells * cells, 255);
  const auto shaded = shade(cells, territory.classes.as<uint16_t>(), territory.confidence.as<uint8_t>(),
                            no_boundary, palette, theme.landscape);
  const auto margins = territory.margin.as<uint8_t>();
  const auto across = between_cells(cells, side);

  TerritoryImage image{side, std::vector<Rgb>(static_cast<size_t>(side) * static_cast<size_t>(side))};
  std::vector<float> margin(image.pixels.size()), kept(image.pixels.size());
  parallel_for(side, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t y = begin; y < end; ++y) {
      const Between v = across[y];
      for (int64_t x = 0; x < side; ++x) {
        const Between h = across[x];
        const auto blend = [&](const auto& value) {
          const float top =
              value(v.first, h.first) + (value(v.first, h.second) - value(v.first, h.first)) * h.share;
          const float bottom =
              value(v.second, h.first) + (value(v.second, h.second) - value(v.second, h.first)) * h.share;
          return top + (bottom - top) * v.share;
        };
        const auto color = [&](uint8_t Rgb::*channel) {
          return round_byte(blend([&](int64_t row, int64_t column) {
            return static_cast<float>(shaded[row * cells + column].*channel);
          }));
        };
        const auto at = static_cast<size_t>(y * side + x);
        image.pixels[at] = {color(&Rgb::r), color(&Rgb::g), color(&Rgb::b)};
        const auto share = [&](std::span<const uint8_t> bytes) {
          const float byte = blend([&](int64_t row, int64_t column) {
            return static_cast<float>(bytes[(cells - 1 - row) * cells + column]);
          });
          return byte / 255.f;
        };
        margin[at] = share(margins);
        kept[at] = share(fade);
      }
    }
  });
  // The edge of the boundary is about a pixel and a half wide, whatever the scale.
  const float threshold = static_cast<float>(Landscape::boundary_byte) / 255.f - 0.5f / 255.f;
  parallel_for(side, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < side; ++x) {
        const auto at = static_cast<size_t>(y * side + x);
        const size_t right = x + 1 < side ? at + 1 : at - 1;
        const size_t below = y + 1 < side ? at + static_cast<size_t>(side) : at - static_cast<size_t>(side);
        const float slope = std::abs(margin[right] - margin[at]) + std::abs(margin[below] - margin[at]);
        const float edge = std::max(slope * 0.75f, 0.004f);
        const double pale = std::lerp(theme.border_paleness, theme.edge_paleness,
                                      static_cast<double>(std::min(margin[at] / threshold, 1.f)));
        const double share = pale * (1 - smoothstep(threshold - edge, threshold + edge, margin[at]));
        if (share > 0) image.pixels[at] = mix(image.pixels[at], theme.landscape.boundary, share);
        image.pixels[at] = mix(theme.landscape.ground, image.pixels[at], kept[at]);
      }
  });
  return image;
}

TerritoryImage cross_fade(const TerritoryImage& a, const TerritoryImage& b, double share) {
  TerritoryImage image{a.side, std::vector<Rgb>(a.pixels.size())};
  const int weight = static_cast<int>(std::lround(share * 256));
  parallel_for(a.side, 16, [&](int64_t begin, int64_t end, int) {
    const auto fade = [weight](uint8_t p, uint8_t q) {
      return static_cast<uint8_t>((p * (256 - weight) + q * weight + 128) >> 8);
    };
    for (auto i = static_cast<size_t>(begin * a.side); i < static_cast<size_t>(end * a.side); ++i) {
      const Rgb p = a.pixels[i], q = b.pixels[i];
      image.pixels[i] = {fade(p.r, q.r), fade(p.g, q.g), fade(p.b, q.b)};
    }
  });
  return image;
}

}  // namespace dvi
