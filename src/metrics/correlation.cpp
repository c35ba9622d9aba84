#include "metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dvi {

double pearson(std::span<const double> x, std::span<const double> y) {
  // Rounding would leave a constant series with a variance that is not quite 0.
  const auto constant = [](std::span<const double> s) {
    return std::all_of(s.begin(), s.end(), [&](double v) { return v == s.front(); });
  };
  if (constant(x) || constant(y)) return 0;
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  const double scale = std::sqrt(xx) * std::sqrt(yy);
  return scale > 0 ? xy / scale : 0;
}

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::pair<double, size_t>> order;  // by value, without a look elsewhere for each comparison
  order.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) order.emplace_back(values[i], i);
  std::ranges::sort(order, {}, [](const auto& entry) { return entry.first; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && order[end].first == order[begin].first) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i].second] = static_cast<double>(begin + end + 1) / 2;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks_of(x), ranks_of(y));
}

}  // namespace dvi
