// The square part of the plane that is painted, the same for all epochs so that the picture does not jump.
#pragma once

#include <array>

#include "core/file.h"
#include "core/matrix.h"

namespace dvi {

/// [x0, x1] x [y0, y1].
struct Extent {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  float width() const { return x1 - x0; }
  float height() const { return y1 - y0; }
  bool contains(const Extent& other) const {
    return other.x0 >= x0 && other.y0 >= y0 && other.x1 <= x1 && other.y1 <= y1;
  }
  bool operator==(const Extent&) const = default;
};

/// The smallest rectangle around `positions` [n, 2]. Throws Error if there are none or one is not finite.
Extent bounds_of(MatrixView positions);
/// The box around 98 % of `positions` [n, 2]: along each axis without the hundredth that lies farthest out at
/// either end. Where there are more than a few thousand, every so many of them are looked at. Throws Error if
/// there are none.
Extent frame_of(MatrixView positions);
/// The smallest rectangle around both.
Extent united(const Extent&, const Extent&);
/// A square with the centre of `bounds`, its side the longer side of `bounds` plus `margin` of it on either
/// end. Where `bounds` is a point the side is 1.
Extent square_around(const Extent& bounds, float margin = 0.03f);

/// The extent after an epoch whose samples span `bounds`: `current` while they lie inside it, else the square
/// around `all_bounds` (of every epoch so far, this one included), so that territories are painted again as
/// rarely as possible.
Extent grown(const Extent& current, const Extent& bounds, const Extent& all_bounds);

/// [x0, y0, x1, y1], as view.json and view_epoch.json store it.
Json to_json(const Extent&);
Extent extent_from_json(const Json&);
/// The same from a view's numbers (run/view.h).
Extent extent_of(const std::array<double, 4>&);

}  // namespace dvi
