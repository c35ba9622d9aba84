#include "landscape/fade.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dvi {
namespace {

/// One row or column of squared distances: the lower envelope of the parabolas that stand on its cells.
class Envelope {
 public:
  explicit Envelope(size_t size) : values_(size), at_(size), from_(size + 1) {}

  /// Reads and writes `size` cells, `stride` apart.
  void transform(float* cells, size_t stride) {
    const size_t size = values_.size();
    for (size_t i = 0; i < size; ++i) values_[i] = cells[i * stride];
    size_t last = 0;
    at_[0] = 0;
    from_[0] = -infinity;
    from_[1] = infinity;
    for (size_t i = 1; i < size; ++i) {
      double cut = crossing(at_[last], i);
      while (last > 0 && cut <= from_[last]) cut = crossing(at_[--last], i);
      at_[++last] = i;
      from_[last] = cut;
      from_[last + 1] = infinity;
    }
    size_t k = 0;
    for (size_t i = 0; i < size; ++i) {
      while (from_[k + 1] < static_cast<double>(i)) ++k;
      const float away = static_cast<float>(i) - static_cast<float>(at_[k]);
      cells[i * stride] = away * away + values_[at_[k]];
    }
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  /// Where the parabola on cell b, right of a, becomes the lower one.
  double crossing(size_t a, size_t b) const {
    const auto x = static_cast<double>(a), y = static_cast<double>(b);
    return ((values_[b] + y * y) - (values_[a] + x * x)) / (2 * (y - x));
  }
  std::vector<float> values_;
  std::vector<size_t> at_;
  std::vector<double> from_;
};

}  // namespace

FadeReach fade_reach(int64_t samples) {
  const float apart = 1 / std::sqrt(static_cast<float>(std::max<int64_t>(samples, 1)));
  const float full = std::clamp(0.75f * apart, 0.015f, 0.25f);
  return {full, 3 * full};
}

std::vector<float> sample_distances(std::span<const float> positions, const Extent& extent, int size) {
  const auto side = static_cast<size_t>(size);
  const auto index = [size](float value, float low, float length) {
    const float share = (value - low) / length * static_cast<float>(size);
    return static_cast<size_t>(std::clamp(share, 0.f, static_cast<float>(size - 1)));
  };
  // Larger than any squared distance of the grid, and small enough that sums stay exact.
  const auto far = static_cast<float>(4 * size * size);
  std::vector<float> cells(side * side, far);
  for (size_t i = 0; i + 1 < positions.size(); i += 2)
    cells[index(positions[i + 1], extent.y0, extent.height()) * side +
          index(positions[i], extent.x0, extent.width())] = 0;
  Envelope envelope(side);
  for (size_t row = 0; row < side; ++row) envelope.transform(&cells[row * side], 1);
  for (size_t column = 0; column < side; ++column) envelope.transform(&cells[column], side);
  for (float& cell : cells) cell = std::sqrt(cell);
  return cells;
}

std::vector<uint8_t> ground_fade(std::span<const float> positions, const Extent& extent, int size) {
  const auto distances = sample_distances(positions, extent, size);
  const auto [full, none] = fade_reach(static_cast<int64_t>(positions.size() / 2));
  std::vector<uint8_t> fade(distances.size());
  for (size_t i = 0; i < fade.size(); ++i) {
    const float away = distances[i] / static_cast<float>(size);
    const float t = std::clamp((none - away) / (none - full), 0.f, 1.f);
    fade[i] = static_cast<uint8_t>(t * t * (3 - 2 * t) * 255 + 0.5f);
  }
  return fade;
}

}  // namespace dvi
