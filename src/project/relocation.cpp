#include "project/relocation.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "comm/shared_for.h"
#include "core/random.h"

namespace dvi {
namespace {

constexpr int grid_size = 300;
/// Difference between the ranks of margins that is as good as none.
constexpr float close_rank = 0.06f;

}  // namespace

Relocator::Relocator(PlaneClassifier& classifier, const MarginRanks& ranks, const Extent& extent,
                     const RelocationLimits& limits)
    : classifier_(classifier), ranks_(ranks), extent_(extent), limits_(limits) {
  Matrix centres(int64_t{grid_size} * grid_size, 2);
  for (int64_t cell = 0; cell < centres.rows(); ++cell) centre(cell, centres.row(cell));
  for (const Verdict& v : classifier_.judge(centres))
    cells_.push_back({v.prediction, v.runner_up, v.margin, ranks_.of(v.margin)});
  const int reach = static_cast<int>(limits_.reach * grid_size);
  for (int y = -reach; y <= reach; ++y)
    for (int x = -reach; x <= reach; ++x)
      if (x * x + y * y <= reach * reach) offsets_.push_back({x, y});
  std::ranges::stable_sort(offsets_, {}, [](const Offset& o) { return o.x * o.x + o.y * o.y; });
}

void Relocator::centre(int64_t cell, float* position) const {
  const float width = extent_.width() / grid_size, height = extent_.height() / grid_size;
  position[0] = extent_.x0 + (static_cast<float>(cell % grid_size) + 0.5f) * width;
  position[1] = extent_.y0 + (static_cast<float>(cell / grid_size) + 0.5f) * height;
}

bool Relocator::is_right(const ExpectedGround& expected, const Verdict& there) const {
  if (there.prediction != expected.prediction) return false;
  if (expected.other >= 0) return there.margin < sample_delta;
  return std::abs(ranks_.of(there.margin) - ranks_.of(expected.margin)) <= limits_.margin_tolerance;
}

int64_t Relocator::target(const ExpectedGround& expected, const Verdict& there, const float* position) const {
  const auto coordinate = [](float at, float low, float size) {
    return static_cast<int>(std::clamp((at - low) / size * grid_size, 0.f, grid_size - 1.f));
  };
  const int x0 = coordinate(position[0], extent_.x0, extent_.width()),
            y0 = coordinate(position[1], extent_.y0, extent_.height());
  const float rank = ranks_.of(expected.margin);
  // How far a cell is from what is expected; 0 is as good as can be, 1 and more are not accepted.
  const auto misfit = [&](const Cell& cell) {
    if (cell.prediction != expected.prediction) return 1.f;
    if (expected.other < 0) return std::max(0.f, std::abs(cell.rank - rank) - close_rank) * 0.99f;
    const bool between = cell.runner_up == expected.other;
    if (cell.margin < sample_delta) return between ? 0.f : 0.1f;
    return cell.margin < landscape_delta ? (between ? 0.2f : 0.3f) : 1.f;
  };
  // A place of its class is only left for one that fits clearly better.
  float best = 1;
  if (expected.other < 0 && there.prediction == expected.prediction)
    best = 0.5f * std::abs(ranks_.of(there.margin) - rank);
  int64_t found = -1;
  for (const Offset& offset : offsets_) {
    const int x = x0 + offset.x, y = y0 + offset.y;
    if (x < 0 || y < 0 || x >= grid_size || y >= grid_size) continue;
    const int64_t cell = int64_t{y} * grid_size + x;
    const float fit = misfit(cells_[static_cast<size_t>(cell)]);
    if (fit >= best) continue;
    best = fit;
    found = cell;
    if (best == 0) break;
  }
  return found;
}

std::vector<float> Relocator::relocate(std::span<const ExpectedGround> expected, MutMatrixView positions) {
  return relocate(expected, positions, [&](MatrixView points) { return classifier_.judge(points); });
}

std::vector<float> Relocator::relocate_each(std::span<const ExpectedGround> expected,
                                            MutMatrixView positions) {
  return relocate(expected, positions, [&](MatrixView points) { return classifier_.judge_each(points); });
}

template <typename Judge>
std::vector<float> Relocator::relocate(std::span<const ExpectedGround> expected, MutMatrixView positions,
                                       const Judge& judge_all) {
  const int64_t n = positions.rows;
  const std::vector<Verdict> there = judge_all(positions);
  std::vector<int64_t> targets(static_cast<size_t>(n), -1);
  Matrix moved(n, 2);
  std::copy_n(positions.data, 2 * n, moved.data());
  const auto choose = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      if (is_right(expected[at], there[at])) continue;
      const float* from = positions.row(i);
      targets[at] = target(expected[at], there[at], from);
      if (targets[at] < 0) continue;
      centre(targets[at], moved.row(i));
      // Somewhere in the cell: at its centre points of one cell would lie upon each other, and those of a row
      // in a line. Drawn from where the point lay, so that others do not matter.
      Random random(std::bit_cast<uint32_t>(from[0]), std::bit_cast<uint32_t>(from[1]));
      const float sides[] = {extent_.width() / grid_size, extent_.height() / grid_size};
      for (int c = 0; c < 2; ++c) moved(i, c) += sides[c] * (static_cast<float>(random.uniform()) - 0.5f);
    }
  };
  shared_for(n, 64, choose, {shared_rows(targets), shared_rows(moved.mut())});
  const std::vector<Verdict> now = judge_all(moved);
  std::vector<float> distances(static_cast<size_t>(n), 0.f);
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    if (targets[at] < 0) continue;
    // Only the centre is known to be right.
    const float most = expected[at].other >= 0 ? landscape_delta : INFINITY;
    if (now[at].prediction != expected[at].prediction || now[at].margin >= most)
      centre(targets[at], moved.row(i));
    float* position = positions.row(i);
    distances[at] = std::hypot(moved(i, 0) - position[0], moved(i, 1) - position[1]) / extent_.width();
    std::copy_n(moved.row(i), 2, position);
  }
  return distances;
}

}  // namespace dvi
