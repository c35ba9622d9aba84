#include "project/places_among.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/parallel.h"
#include "landscape/extent.h"

namespace dvi {
namespace {

constexpr double other_class_weight = 0.02;
/// s, of the ranks of margins.
constexpr double rank_width = 0.14;
constexpr int iterations = 20;

/// The area of the box around all, for each of them.
double room_for_one(MatrixView positions) {
  const Extent box = bounds_of(positions);
  const double width = box.width(), height = box.height();
  const double least = std::max(1e-3 * std::max(width, height), 1e-6);  // of points in a line, or on a spot
  return std::max(width, least) * std::max(height, least) / static_cast<double>(positions.rows);
}

constexpr int64_t rows_a_piece = 64;

double agreement(const Opinion& own, const Opinion& neighbor) {
  const double apart = (own.rank - neighbor.rank) / rank_width;
  return std::exp(-0.5 * apart * apart) * (neighbor.prediction == own.prediction ? 1 : other_class_weight);
}

}  // namespace

std::vector<Opinion> opinions_of(std::span<const Verdict> verdicts, const MarginRanks& ranks) {
  std::vector<Opinion> out;
  for (const Verdict& verdict : verdicts) out.push_back({verdict.prediction, ranks.of(verdict.margin)});
  return out;
}

PlacesAmong::PlacesAmong(const Neighbors& nearest, std::span<const Opinion> own, MatrixView positions,
                         std::span<const Opinion> opinions)
    : n_(std::ssize(own)),
      own_(owned_rows(n_)),
      k_(std::min(place_k, nearest.k)),
      square_(room_for_one(positions)),
      anchors_(static_cast<size_t>(own_.size() * k_)) {
  parallel_for(own_.size(), rows_a_piece, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = own_.begin + begin; i < own_.begin + end; ++i) {
      const auto rows = nearest.row(i - own_.begin).first(static_cast<size_t>(k_));
      const auto distances = nearest.distances(i - own_.begin).first(static_cast<size_t>(k_));
      double mean = 0;
      for (const float d : distances) mean += d / static_cast<double>(k_);
      const double first = distances[0], scale = mean - first;
      std::array<double, place_k> weights{};
      double sum = 0;
      for (size_t r = 0; r < rows.size(); ++r) {
        const double near = scale > 0 ? std::exp((first - distances[r]) / scale) : 1;
        weights[r] = near * agreement(own[static_cast<size_t>(i)], opinions[static_cast<size_t>(rows[r])]);
        sum += weights[r];
      }
      const std::span<Anchor> of_row =
          std::span(anchors_).subspan(static_cast<size_t>((i - own_.begin) * k_), rows.size());
      for (size_t r = 0; r < rows.size(); ++r) {
        // Of neighbours that all have a quite different margin any is as good as another.
        const double weight = sum > 0 ? weights[r] / sum : 1 / static_cast<double>(k_);
        of_row[r] = {positions(rows[r], 0), positions(rows[r], 1), static_cast<float>(weight), 0};
      }
      for (Anchor& at : of_row) {
        double cost = 0;
        for (const Anchor& a : of_row) cost += a.weight * std::log1p(squared_units(a.x, a.y, at.x, at.y));
        at.cost = static_cast<float>(cost);
      }
    }
  });
}

Matrix PlacesAmong::find(const Holds& holds) const {
  Matrix places(n_, 2);
  parallel_for(own_.size(), rows_a_piece, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = own_.begin + begin; i < own_.begin + end; ++i) {
      const auto near = anchors(i);
      const double strength = holds.strength.empty() ? 0 : holds.strength[static_cast<size_t>(i)];
      const double held_x = strength > 0 ? holds.anchors(i, 0) : 0,
                   held_y = strength > 0 ? holds.anchors(i, 1) : 0;
      double least = INFINITY, x = 0, y = 0;
      for (const Anchor& a : near) {
        const double cost = a.cost + (strength > 0 ? strength * squared_units(held_x, held_y, a.x, a.y) : 0);
        if (cost >= least) continue;
        least = cost;
        x = a.x;
        y = a.y;
      }
      for (int step = 0; step < iterations; ++step) {
        double sum = strength, sum_x = strength * held_x, sum_y = strength * held_y;
        for (const Anchor& a : near) {
          const double w = a.weight / (1 + squared_units(a.x, a.y, x, y));
          sum += w;
          sum_x += w * a.x;
          sum_y += w * a.y;
        }
        x = sum_x / sum;
        y = sum_y / sum;
      }
      places(i, 0) = static_cast<float>(x);
      places(i, 1) = static_cast<float>(y);
    }
  });
  gather_owned(places.mut());
  return places;
}

}  // namespace dvi
