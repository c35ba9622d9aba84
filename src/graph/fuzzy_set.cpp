#include "graph/fuzzy_set.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"

namespace dvi {
namespace {

/// Nearest positive distances count towards local connectivity; a duplicate (distance 0) is certain anyway.
/// Interpolates between neighbours for a fractional connectivity, as umap-learn does.
double nearest_distance(std::span<const float> distances, double local_connectivity) {
  std::vector<double> positive;
  for (const float d : distances)
    if (d > 0) positive.push_back(d);
  if (positive.empty()) return 0;
  if (static_cast<double>(positive.size()) < local_connectivity) return positive.back();
  const auto whole = static_cast<size_t>(local_connectivity);
  const double rest = local_connectivity - static_cast<double>(whole);
  if (whole == 0) return rest * positive[0];
  const double base = positive[whole - 1];
  return rest > 1e-5 && whole < positive.size() ? base + rest * (positive[whole] - base) : base;
}

}  // namespace

std::vector<float> membership_strengths(const Neighbors& neighbors, const FuzzySetOptions& options) {
  const int k = neighbors.k;
  const int64_t n = neighbors.size();
  std::vector<float> strengths(neighbors.distance.size());
  const double overall_mean = std::accumulate(neighbors.distance.begin(), neighbors.distance.end(), 0.0) /
                              static_cast<double>(std::max<size_t>(1, neighbors.distance.size()));
  const double target = std::log2(static_cast<double>(k));
  const auto strengths_of = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto distances = neighbors.distances(i);
      const double rho = nearest_distance(distances, options.local_connectivity);
      double low = 0, high = INFINITY, sigma = 1;
      for (int step = 0; step < 64; ++step) {
        double sum = 0;
        for (const float d : distances) sum += d > rho ? std::exp(-(d - rho) / sigma) : 1;
        if (std::abs(sum - target) < 1e-5) break;
        if (sum > target) {
          high = sigma;
          sigma = (low + high) / 2;
        } else {
          low = sigma;
          sigma = std::isinf(high) ? sigma * 2 : (low + high) / 2;
        }
      }
      // A bandwidth far below the typical distance would cut a tight group off from everything (umap-learn's
      // MIN_K_DIST_SCALE).
      const double mean = std::accumulate(distances.begin(), distances.end(), 0.0) / k;
      sigma = std::max(sigma, 1e-3 * (rho > 0 ? mean : overall_mean));
      for (int r = 0; r < k; ++r) {
        const double d = distances[r] - rho;
        strengths[i * k + r] = d <= 0 || sigma == 0 ? 1.f : static_cast<float>(std::exp(-d / sigma));
      }
    }
  };
  shared_for(n, 256, strengths_of, {shared_rows(strengths, k)});
  return strengths;
}

EdgeList fuzzy_union(const Neighbors& neighbors, const std::vector<float>& strengths, int64_t vertices,
                     int32_t target_offset) {
  const int64_t n = neighbors.size(), k = neighbors.k;
  /// The memberships of query i in others: visit(vertex, strength).
  const auto for_each_of = [&](int64_t i, const auto& visit) {
    for (int64_t at = i * k; at < (i + 1) * k; ++at) {
      const int32_t j = neighbors.index[at] + target_offset;
      if (j != i && strengths[at] > 0) visit(j, strengths[at]);
    }
  };
  // Memberships by the vertex they point at, those of one ascending by where they come from.
  const EdgeList incoming = edges_from(vertices, [&](const auto& add) {
    for (int64_t i = 0; i < n; ++i) for_each_of(i, [&](int32_t j, float w) { add(j, i, w); });
  });
  return edges_by_row(vertices, [&](int64_t v, const auto& add) {
    std::vector<std::pair<int32_t, float>> outgoing;
    outgoing.reserve(k);
    if (v < n) for_each_of(v, [&](int32_t j, float w) { outgoing.emplace_back(j, w); });
    std::sort(outgoing.begin(), outgoing.end());
    // Both are ascending by vertex: a merge.
    auto out = outgoing.begin();
    for (int64_t in = incoming.begin[v]; in < incoming.begin[v + 1]; ++in) {
      const int32_t from = incoming.target[in];
      const float strength = incoming.weight[in];
      for (; out != outgoing.end() && out->first < from; ++out) add(out->first, out->second);
      if (out != outgoing.end() && out->first == from) {
        add(from, strength + out->second - strength * out->second);
        ++out;
      } else {
        add(from, strength);
      }
    }
    for (; out != outgoing.end(); ++out) add(out->first, out->second);
  });
}

}  // namespace dvi
