// Where the names of classes are written in a territory: as on the page, whose web/src/picture/class-names.ts
// is the twin of this. tests/class-names holds what both must answer.
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

/// One anchor for each class that samples are predicted as on its own territory, largest territory first:
/// where many of them are and the territory is wide. A class that holds ground but no such sample has none:
/// its name would mislead. `classes` [size, size].
std::vector<NameAnchor> name_anchors(int64_t size, std::span<const uint16_t> classes, const Crowd& crowd);

/// Between two epochs: names glide, or fade where they jump, appear or vanish.
std::vector<NameAnchor> mix_anchors(const std::vector<NameAnchor>& a, const std::vector<NameAnchor>& b,
                                    double share);

/// A name as it would be written, in pixels of the plot, y downwards; (x, y) is its middle.
struct ClassName {
  int class_index;
  double x, y;
  double width;  ///< of the text, with what must stay free beside it
  double room;   ///< distance to the territory's edge
  double opacity;
};

/// Those of `names` that are written, the first ones first: each has room in its territory (it may be wider
/// than that, but not by much), lies within the plot, and covers none before it. `line` is the height of a
/// line of text.
std::vector<ClassName> place_names(const std::vector<ClassName>& names, double width, double height,
                                   double line);

}  // namespace dvi
