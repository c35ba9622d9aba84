#include "image/resize.h"

#include <algorithm>
#include <cmath>

namespace dvi {
namespace {

/// Which pixels of a row of `from` make one of a row of `to`, and how much each counts.
struct Share {
  int64_t at;
  double weight;
};

std::vector<std::vector<Share>> shares(int64_t from, double begin, double length, int64_t to) {
  std::vector<std::vector<Share>> out(static_cast<size_t>(to));
  const double step = length / static_cast<double>(to);
  for (int64_t i = 0; i < to; ++i) {
    const double centre = begin + (static_cast<double>(i) + 0.5) * step;
    if (step <= 1) {
      const double at = std::clamp(centre - 0.5, 0.0, static_cast<double>(from - 1));
      const auto low = static_cast<int64_t>(at);
      const double part = at - static_cast<double>(low);
      out[static_cast<size_t>(i)] = {{low, 1 - part}, {std::min(low + 1, from - 1), part}};
      continue;
    }
    const double x0 = centre - step / 2, x1 = centre + step / 2;
    for (auto x = static_cast<int64_t>(std::floor(x0)); static_cast<double>(x) < x1; ++x) {
      const double covered = std::min(x1, static_cast<double>(x) + 1) - std::max(x0, static_cast<double>(x));
      if (covered > 0)
        out[static_cast<size_t>(i)].push_back({std::clamp<int64_t>(x, 0, from - 1), covered / step});
    }
  }
  return out;
}

}  // namespace

Picture resized(const Picture& picture, int64_t width, int64_t height) {
  const auto w = static_cast<double>(picture.width), h = static_cast<double>(picture.height);
  const double scale = std::min(w / static_cast<double>(width), h / static_cast<double>(height));
  const double used_w = scale * static_cast<double>(width), used_h = scale * static_cast<double>(height);
  const auto columns = shares(picture.width, (w - used_w) / 2, used_w, width);
  const auto rows = shares(picture.height, (h - used_h) / 2, used_h, height);
  Picture out{width, height, picture.channels, {}};
  out.values.reserve(static_cast<size_t>(width * height * picture.channels));
  for (const auto& row : rows)
    for (const auto& column : columns)
      for (int64_t c = 0; c < picture.channels; ++c) {
        double sum = 0;
        for (const Share& y : row)
          for (const Share& x : column)
            sum += y.weight * x.weight *
                   picture.values[static_cast<size_t>((y.at * picture.width + x.at) * picture.channels + c)];
        out.values.push_back(static_cast<uint8_t>(std::lround(std::clamp(sum, 0.0, 255.0))));
      }
  return out;
}

}  // namespace dvi
