// Where the names of classes are written in a territory: as on the page (web/src/data/anchors.ts).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

/// The middle of the widest part of a class's territory, in [0, 1] over the extent, y upwards.
struct NameAnchor {
  int class_index;
  double x, y;
  double share;    ///< of the territory
  double room;     ///< distance from (x, y) to the territory's edge
  double opacity;  ///< 1, or less while one epoch gives way to another
};

/// One anchor for each class that holds some of the territory, largest first. `classes` [size, size].
std::vector<NameAnchor> name_anchors(int64_t size, std::span<const uint16_t> classes);

/// Between two epochs: names glide, or fade where they jump, appear or vanish.
std::vector<NameAnchor> mix_anchors(const std::vector<NameAnchor>& a, const std::vector<NameAnchor>& b,
                                    double share);

}  // namespace dvi
