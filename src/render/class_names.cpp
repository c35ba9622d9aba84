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
      distance[cell(x, y)] = std::min(step(x, y, x - 1, y), step(x, y, x, y - 1));
  for (int y = side - 1; y >= 0; --y)
    for (int x = side - 1; x >= 0; --x) {
      float& d = distance[cell(x, y)];
      d = std::min({d, step(x, y, x + 1, y), step(x, y, x, y + 1)});
    }
  return distance;
}

/// Samples predicted as the class of the cell they lie in, counted over the 5 x 5 cells around each cell.
std::vector<float> crowds(const std::vector<uint16_t>& classes, const Crowd& crowd) {
  const auto& [x0, y0, x1, y1] = crowd.extent;
  std::vector<float> here(classes.size()), around(classes.size());
  const auto index = [](double share) { return std::clamp(static_cast<int>(share * side), 0, side - 1); };
  for (size_t i = 0; i < crowd.predictions.size(); ++i) {
    const auto at = static_cast<size_t>(cell(index((crowd.positions[2 * i] - x0) / (x1 - x0)),
                                             index((crowd.positions[2 * i + 1] - y0) / (y1 - y0))));
    if (classes[at] == crowd.predictions[i]) ++here[at];
  }
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int v = std::max(0, y - 2); v <= std::min(side - 1, y + 2); ++v)
        for (int u = std::max(0, x - 2); u <= std::min(side - 1, x + 2); ++u)
          if (classes[cell(u, v)] == classes[cell(x, y)]) around[cell(x, y)] += here[cell(u, v)];
  return around;
}

}  // namespace

std::vector<NameAnchor> name_anchors(int64_t size, std::span<const uint16_t> all, const Crowd& crowd) {
  std::vector<uint16_t> classes(side * side);
  const auto source = [size](int i) {
    return static_cast<int64_t>((i + 0.5) / side * static_cast<double>(size));
  };
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) classes[cell(x, y)] = all[source(y) * size + source(x)];
  const auto distance = edge_distances(classes), crowded = crowds(classes, crowd);
  const auto score = [&](int i) {
    const double room = distance[i], samples = crowded[i];
    return std::min(room, 4.0) * std::sqrt(samples);
  };

  struct Best {
    int cell, count;
  };
  std::map<int, Best> best;
  for (int i = 0; i < side * side; ++i) {
    const auto [found, added] = best.try_emplace(classes[i], Best{i, 0});
    ++found->second.count;
    if (score(i) > score(found->second.cell)) found->second.cell = i;
  }
  std::vector<NameAnchor> anchors;
  for (const auto& [index, at] : best)
    if (crowded[at.cell] > 0)
      anchors.push_back({index, (at.cell % side + 0.5) / side, (at.cell / side + 0.5) / side,
                         static_cast<double>(at.count) / (side * side),
                         static_cast<double>(distance[at.cell]) / side, 1});
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
      anchor.share += (to.share - anchor.share) * share;
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

std::vector<ClassName> place_names(const std::vector<ClassName>& names, double width, double height,
                                   double line) {
  constexpr size_t most = 60;
  std::vector<ClassName> placed;
  for (const ClassName& name : names) {
    if (placed.size() == most) break;
    if (name.opacity < 0.05 || name.room < 0.4 * line || name.width > 6 * name.room) continue;
    if (name.x < name.width / 2 || name.x > width - name.width / 2) continue;
    if (name.y < line / 2 || name.y > height - line / 2) continue;
    if (std::any_of(placed.begin(), placed.end(), [&](const ClassName& p) {
          return std::abs(p.y - name.y) < line && std::abs(p.x - name.x) < (p.width + name.width) / 2;
        }))
      continue;
    placed.push_back(name);
  }
  return placed;
}

}  // namespace dvi
