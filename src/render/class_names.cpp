#include "render/class_names.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace dvi {
namespace {

constexpr int side = 64;

int cell(int x, int y) { return y * side + x; }

/// City-block distance of each cell to the nearest one of another class; the rim counts as an edge further
/// away.
std::vector<float> edge_distances(const std::vector<uint16_t>& classes) {
  std::vector<float> distance(classes.size());
  const auto step = [&](int x, int y, int nx, int ny) {
    if (nx < 0 || ny < 0 || nx >= side || ny >= side) return 3.f;
    const auto here = static_cast<size_t>(cell(x, y)), there = static_cast<size_t>(cell(nx, ny));
    return classes[here] == classes[there] ? distance[there] + 1 : 1.f;
  };
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      distance[static_cast<size_t>(cell(x, y))] = std::min(step(x, y, x - 1, y), step(x, y, x, y - 1));
  for (int y = side - 1; y >= 0; --y)
    for (int x = side - 1; x >= 0; --x) {
      float& d = distance[static_cast<size_t>(cell(x, y))];
      d = std::min({d, step(x, y, x + 1, y), step(x, y, x, y + 1)});
    }
  return distance;
}

}  // namespace

std::vector<NameAnchor> name_anchors(int64_t size, std::span<const uint16_t> all) {
  std::vector<uint16_t> classes(side * side);
  const auto source = [size](int i) {
    return static_cast<int64_t>((i + 0.5) / side * static_cast<double>(size));
  };
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      classes[static_cast<size_t>(cell(x, y))] = all[static_cast<size_t>(source(y) * size + source(x))];
  const auto distance = edge_distances(classes);

  struct Widest {
    int cell, count;
  };
  std::map<int, Widest> widest;
  for (int i = 0; i < side * side; ++i) {
    const auto [found, added] = widest.try_emplace(classes[static_cast<size_t>(i)], Widest{i, 0});
    ++found->second.count;
    if (distance[static_cast<size_t>(i)] > distance[static_cast<size_t>(found->second.cell)])
      found->second.cell = i;
  }
  std::vector<NameAnchor> anchors;
  for (const auto& [index, at] : widest)
    anchors.push_back({index, (at.cell % side + 0.5) / side, (at.cell / side + 0.5) / side,
                       static_cast<double>(at.count) / (side * side),
                       static_cast<double>(distance[static_cast<size_t>(at.cell)]) / side, 1});
  std::stable_sort(anchors.begin(), anchors.end(), [](auto& a, auto& b) { return a.share > b.share; });
  return anchors;
}

std::vector<NameAnchor> mix_anchors(const std::vector<NameAnchor>& a, const std::vector<NameAnchor>& b,
                                    double share) {
  std::map<int, NameAnchor> later;
  for (const auto& anchor : b) later.emplace(anchor.class_index, anchor);
  std::vector<NameAnchor> mixed;
  for (NameAnchor anchor : a) {
    const auto found = later.find(anchor.class_index);
    if (found == later.end()) {
      anchor.opacity = 1 - share;
    } else if (const NameAnchor& to = found->second; std::hypot(to.x - anchor.x, to.y - anchor.y) > 0.25) {
      if (share >= 0.5) anchor = to;
      anchor.opacity = std::abs(1 - 2 * share);
    } else {
      anchor.x += (to.x - anchor.x) * share;
      anchor.y += (to.y - anchor.y) * share;
      anchor.room += (to.room - anchor.room) * share;
    }
    later.erase(anchor.class_index);
    mixed.push_back(anchor);
  }
  for (auto& [index, anchor] : later) {
    anchor.opacity = share;
    mixed.push_back(anchor);
  }
  return mixed;
}

}  // namespace dvi
