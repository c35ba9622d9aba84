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

/// One colour a class; up to 10 classes the colours stay apart for colour-blind eyes.
std::vector<Rgb> class_palette(int classes);

/// [size * size] pixels, row 0 at the top (largest y). Class colour, paler the less confident; boundary cells
/// (m < 0.15) white. The arrays are those of a Landscape, or of a stored Territory.
std::vector<Rgb> shade(int64_t size, std::span<const uint16_t> classes, std::span<const uint8_t> confidence,
                       std::span<const uint8_t> margin, const std::vector<Rgb>& palette);

}  // namespace dvi
