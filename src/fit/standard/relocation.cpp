#include "fit/standard/relocation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/parallel.h"

namespace dvi {
namespace {

constexpr int grid_size = 300;

bool is_right(const ExpectedGround& expected, const Verdict& verdict, float delta) {
  return verdict.prediction == expected.prediction && (expected.other < 0 || verdict.margin < delta);
}

/// Cells of a class that touch another class: the only ones that can be nearest to a point outside.
class Borders {
 public:
  Borders(const Landscape& cells, const Extent& extent) {
    const float side = extent.width() / static_cast<float>(cells.size);
    for (int y = 0; y < cells.size; ++y)
      for (int x = 0; x < cells.size; ++x) {
        const auto cell = int64_t{y} * cells.size + x;
        const int32_t own = cells.classes[static_cast<size_t>(cell)];
        const Centre centre = {extent.x0 + (static_cast<float>(x) + 0.5f) * side,
                               extent.y0 + (static_cast<float>(y) + 0.5f) * side};
        std::set<int32_t> others;
        if (x > 0) others.insert(cells.classes[static_cast<size_t>(cell - 1)]);
        if (x + 1 < cells.size) others.insert(cells.classes[static_cast<size_t>(cell + 1)]);
        if (y > 0) others.insert(cells.classes[static_cast<size_t>(cell - cells.size)]);
        if (y + 1 < cells.size) others.insert(cells.classes[static_cast<size_t>(cell + cells.size)]);
        others.erase(own);
        if (others.empty()) continue;
        any_[own].push_back(centre);
        if (!cells.on_boundary(cell)) continue;
        white_[own].push_back(centre);
        for (const int32_t other : others) between_[{own, other}].push_back(centre);
      }
  }

  /// The nearest cell that may be right, for a boundary sample one between its two classes if there is any;
  /// false if there is none within `reach`.
  bool nearest(const ExpectedGround& expected, const float* from, double reach, float* to) const {
    if (expected.other < 0) return nearest_of(any_, expected.prediction, from, reach, to);
    return nearest_of(between_, std::pair(expected.prediction, expected.other), from, reach, to) ||
           nearest_of(white_, expected.prediction, from, reach, to);
  }

 private:
  using Centre = std::array<float, 2>;
  template <typename Key>
  static bool nearest_of(const std::map<Key, std::vector<Centre>>& all, const Key& key, const float* from,
                         double reach, float* to) {
    const auto cells = all.find(key);
    if (cells == all.end()) return false;
    double best = reach * reach;
    bool found = false;
    for (const auto& cell : cells->second) {
      const double dx = cell[0] - from[0], dy = cell[1] - from[1], square = dx * dx + dy * dy;
      if (square >= best) continue;
      best = square;
      std::copy(cell.begin(), cell.end(), to);
      found = true;
    }
    return found;
  }

  std::map<int32_t, std::vector<Centre>> any_, white_;  // by class
  std::map<std::pair<int32_t, int32_t>, std::vector<Centre>>
      between_;  // white cells by class and other class
};

}  // namespace

Relocation relocate(PlaneClassifier& classifier, std::span<const ExpectedGround> expected, double reach,
                    MutMatrixView positions) {
  Relocation out;
  const auto first = classifier.judge(positions);
  std::vector<int64_t> misplaced;
  for (size_t i = 0; i < expected.size(); ++i)
    if (!is_right(expected[i], first[i], sample_delta)) misplaced.push_back(static_cast<int64_t>(i));
  out.misplaced = static_cast<int64_t>(misplaced.size());
  if (misplaced.empty()) return out;

  const Extent extent = square_around(bounds_of(positions));
  const Borders borders(classifier.paint(extent, grid_size), extent);
  const double farthest = reach * extent.width();
  const auto n = static_cast<int64_t>(misplaced.size());
  // right[i] is right ground, wrong[i] is not: the segment between them is halved towards the border.
  Matrix right(n, 2), wrong(n, 2), middle(n, 2);
  std::vector<uint8_t> found(misplaced.size());
  parallel_for(n, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t point = misplaced[static_cast<size_t>(i)];
      const float* from = positions.row(point);
      std::copy_n(from, 2, wrong.row(i));
      std::copy_n(from, 2, right.row(i));
      found[static_cast<size_t>(i)] =
          borders.nearest(expected[static_cast<size_t>(point)], from, farthest, right.row(i));
    }
  });
  // A boundary sample is to lie as near the border as it does in feature space (sample_delta), which leaves
  // it white by the centre of its cell too; where borders are steep it has to do with a white cell.
  const auto check = [&](const Matrix& at, float delta) {
    std::vector<uint8_t> is(misplaced.size());
    const auto verdicts = classifier.judge(at);
    for (size_t i = 0; i < is.size(); ++i)
      is[i] = is_right(expected[static_cast<size_t>(misplaced[i])], verdicts[i], delta);
    return is;
  };
  const auto found_right = check(right, landscape_delta);
  constexpr int halvings = 6;
  for (int step = 0; step < halvings; ++step) {
    for (int64_t i = 0; i < 2 * n; ++i) middle.data()[i] = 0.5f * (right.data()[i] + wrong.data()[i]);
    const auto middle_right = check(middle, sample_delta);
    for (int64_t i = 0; i < n; ++i)
      std::copy_n(middle.row(i), 2, (middle_right[static_cast<size_t>(i)] ? right : wrong).row(i));
  }
  for (int64_t i = 0; i < n; ++i) {
    if (!found[static_cast<size_t>(i)] || !found_right[static_cast<size_t>(i)]) continue;
    float* position = positions.row(misplaced[static_cast<size_t>(i)]);
    out.mean_distance += std::hypot(right(i, 0) - position[0], right(i, 1) - position[1]) / extent.width();
    std::copy_n(right.row(i), 2, position);
    ++out.relocated;
  }
  if (out.relocated > 0) out.mean_distance /= static_cast<double>(out.relocated);
  return out;
}

}  // namespace dvi
