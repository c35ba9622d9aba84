// Where the names of classes are written in a territory: as on the page (web/src/data/anchors.ts).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

/// A place of a class's territory, in [0, 1] over the extent, y upwards.
struct NameAnchor {
  int class_index;
  double x, y;
  double share;    ///< of the territory
  double room;     ///< distance from (x, y) to the territory's edge
  double opacity;  ///< 1, or less while one epoch gives way to another
};

/// The samples that names are written among.
struct Crowd {
  std::array<double, 4> extent;
  std::span<const float> positions;      ///< [N, 2]
  std::span<const int32_t> predictions;  ///< [N]
};

/// One anchor for each class that holds some of the territory, largest first: where many of its samples are
/// and the territory is wide, or in its widest part where it has no samples. `classes` [size, size].
std::vector<NameAnchor> name_anchors(int64_t size, std::span<const uint16_t> classes, const Crowd& crowd);

/// Between two epochs: names glide, or fade where they jump, appear or vanish.
std::vector<NameAnchor> mix_anchors(const std::vector<NameAnchor>& a, const std::vector<NameAnchor>& b,
                                    double share);

}  // namespace dvi
