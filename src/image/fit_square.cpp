#include "image/fit_square.h"

#include <algorithm>
#include <array>

namespace dvi {
namespace {

/// Red, green, blue, alpha.
std::array<int, 4> colour_at(const Picture& picture, int64_t x, int64_t y) {
  const uint8_t* p = &picture.values[(y * picture.width + x) * picture.channels];
  switch (picture.channels) {
    case 1:
      return {p[0], p[0], p[0], 255};
    case 2:
      return {p[0], p[0], p[0], p[1]};
    case 3:
      return {p[0], p[1], p[2], 255};
    default:
      return {p[0], p[1], p[2], p[3]};
  }
}

}  // namespace

Picture fit_square(const Picture& picture, int64_t side) {
  const int64_t longer = std::max<int64_t>(1, std::max(picture.width, picture.height));
  const int64_t width = std::max<int64_t>(1, picture.width * side / longer);
  const int64_t height = std::max<int64_t>(1, picture.height * side / longer);
  const int64_t left = (side - width) / 2, top = (side - height) / 2;
  Picture square{side, side, 4, std::vector<uint8_t>(side * side * 4, 0)};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const int64_t x0 = x * picture.width / width, x1 = std::max(x0 + 1, (x + 1) * picture.width / width);
      const int64_t y0 = y * picture.height / height,
                    y1 = std::max(y0 + 1, (y + 1) * picture.height / height);
      std::array<int64_t, 4> sum{};
      for (int64_t sy = y0; sy < y1; ++sy)
        for (int64_t sx = x0; sx < x1; ++sx) {
          const auto colour = colour_at(picture, sx, sy);
          for (size_t c = 0; c < 4; ++c) sum[c] += colour[c];
        }
      const int64_t count = (x1 - x0) * (y1 - y0);
      for (size_t c = 0; c < 4; ++c)
        square.values[static_cast<size_t>(((top + y) * side + left + x) * 4) + c] =
            static_cast<uint8_t>((sum[c] + count / 2) / count);
    }
  return square;
}

}  // namespace dvi
