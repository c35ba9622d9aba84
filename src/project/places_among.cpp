#include "project/places_among.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/parallel.h"

namespace dvi {
namespace {

/// h, in units of the layout, whose own kernel has the width 1.
constexpr double width = 0.5;
constexpr double other_class_weight = 0.05;
constexpr int iterations = 20;

struct Anchor {
  double x, y, weight;
};

double squared_units(const Anchor& a, double x, double y) {
  return ((a.x - x) * (a.x - x) + (a.y - y) * (a.y - y)) / (width * width);
}

std::array<double, 2> place_of(std::span<const Anchor> anchors) {
  double least = INFINITY, x = 0, y = 0;
  for (const Anchor& candidate : anchors) {
    double cost = 0;
    for (const Anchor& a : anchors) cost += a.weight * std::log1p(squared_units(a, candidate.x, candidate.y));
    if (cost >= least) continue;
    least = cost;
    x = candidate.x;
    y = candidate.y;
  }
  for (int i = 0; i < iterations; ++i) {
    double sum = 0, sum_x = 0, sum_y = 0;
    for (const Anchor& a : anchors) {
      const double w = a.weight / (1 + squared_units(a, x, y));
      sum += w;
      sum_x += w * a.x;
      sum_y += w * a.y;
    }
    x = sum_x / sum;
    y = sum_y / sum;
  }
  return {x, y};
}

}  // namespace

Matrix places_among(const Neighbors& nearest, std::span<const int32_t> own, MatrixView positions,
                    std::span<const int32_t> predictions) {
  const int k = std::min(place_k, nearest.k);
  Matrix places(nearest.size(), 2);
  parallel_for(nearest.size(), 64, [&](int64_t begin, int64_t end, int) {
    std::array<Anchor, place_k> anchors;
    for (int64_t i = begin; i < end; ++i) {
      const auto rows = nearest.row(i).first(static_cast<size_t>(k));
      const auto distances = nearest.distances(i).first(static_cast<size_t>(k));
      double mean = 0;
      for (const float d : distances) mean += d / static_cast<double>(k);
      const double first = distances[0], scale = mean - first;
      for (size_t r = 0; r < rows.size(); ++r) {
        const auto j = static_cast<size_t>(rows[r]);
        const double near = scale > 0 ? std::exp((first - distances[r]) / scale) : 1;
        anchors[r] = {positions(rows[r], 0), positions(rows[r], 1),
                      near * (predictions[j] == own[static_cast<size_t>(i)] ? 1 : other_class_weight)};
      }
      const auto place = place_of(std::span(anchors).first(rows.size()));
      for (int c = 0; c < 2; ++c) places(i, c) = static_cast<float>(place[static_cast<size_t>(c)]);
    }
  });
  return places;
}

}  // namespace dvi
