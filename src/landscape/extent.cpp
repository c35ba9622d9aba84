#include "landscape/extent.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"

namespace dvi {

Extent bounds_of(MatrixView positions) {
  if (positions.rows == 0) fail("extent: expected at least one position, found none");
  Extent bounds{INFINITY, INFINITY, -INFINITY, -INFINITY};
  for (int64_t i = 0; i < positions.rows; ++i) {
    const float x = positions(i, 0), y = positions(i, 1);
    if (!std::isfinite(x) || !std::isfinite(y))
      fail("extent: expected finite positions, found ({}, {}) for row {}; fit this epoch again", x, y, i);
    bounds = united(bounds, {x, y, x, y});
  }
  return bounds;
}

Extent frame_of(MatrixView positions) {
  if (positions.rows == 0) fail("extent: expected at least one position, found none");
  constexpr int64_t enough = 5000;
  const int64_t step = std::max<int64_t>(1, positions.rows / enough);
  std::vector<float> values;
  const auto ends = [&](int64_t axis) {
    values.clear();
    for (int64_t i = 0; i < positions.rows; i += step) values.push_back(positions(i, axis));
    const auto cut = static_cast<std::ptrdiff_t>(values.size() / 100);
    const auto low = values.begin() + cut, high = values.end() - 1 - cut;
    std::nth_element(values.begin(), low, values.end());
    const float least = *low;
    std::nth_element(low, high, values.end());
    return std::pair{least, *high};
  };
  const auto [x0, x1] = ends(0);
  const auto [y0, y1] = ends(1);
  return {x0, y0, x1, y1};
}

Extent united(const Extent& a, const Extent& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

Extent square_around(const Extent& bounds, float margin) {
  const float side = std::max(bounds.width(), bounds.height());
  const float half = side > 0 ? side * (0.5f + margin) : 0.5f;
  const float x = (bounds.x0 + bounds.x1) / 2, y = (bounds.y0 + bounds.y1) / 2;
  return {x - half, y - half, x + half, y + half};
}

Extent grown(const Extent& current, const Extent& bounds, const Extent& all_bounds) {
  return current.contains(bounds) ? current : square_around(all_bounds);
}

Json to_json(const Extent& e) { return {e.x0, e.y0, e.x1, e.y1}; }

Extent extent_from_json(const Json& json) {
  if (!json.is_array() || json.size() != 4 ||
      !std::all_of(json.begin(), json.end(), [](const Json& v) { return v.is_number(); }))
    fail("extent: expected [x0, y0, x1, y1], found {}; fit the view again", json.dump());
  return {json[0].get<float>(), json[1].get<float>(), json[2].get<float>(), json[3].get<float>()};
}

Extent extent_of(const std::array<double, 4>& view) {
  return {static_cast<float>(view[0]), static_cast<float>(view[1]), static_cast<float>(view[2]),
          static_cast<float>(view[3])};
}

}  // namespace dvi
