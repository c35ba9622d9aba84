#include "graph/fuzzy_set.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"

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
  parallel_for(n, 256, [&](int64_t begin, int64_t end, int) {
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
        const double d = distances[static_cast<size_t>(r)] - rho;
        strengths[static_cast<size_t>(i * k + r)] =
            d <= 0 || sigma == 0 ? 1.f : static_cast<float>(std::exp(-d / sigma));
      }
    }
  });
  return strengths;
}

EdgeList fuzzy_union(const Neighbors& neighbors, const std::vector<float>& strengths, int64_t vertices,
                     int32_t target_offset) {
  struct Half {
    int32_t vertex;
    float strength;
  };
  const int64_t n = neighbors.size(), k = neighbors.k;
  /// The memberships of query i in others: visit(vertex, strength).
  const auto for_each_of = [&](int64_t i, const auto& visit) {
    for (int64_t r = 0; r < k; ++r) {
      const auto at = static_cast<size_t>(i * k + r);
      const int32_t j = neighbors.index[at] + target_offset;
      if (j != i && strengths[at] > 0) visit(j, strengths[at]);
    }
  };
  // Memberships by the vertex they point at, those of one ascending by where they come from.
  std::vector<int64_t> begin(static_cast<size_t>(vertices) + 1, 0);
  for (int64_t i = 0; i < n; ++i)
    for_each_of(i, [&](int32_t j, float) { ++begin[static_cast<size_t>(j) + 1]; });
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<Half> incoming(static_cast<size_t>(begin.back()));
  {
    std::vector<int64_t> next(begin.begin(), begin.end() - 1);
    for (int64_t i = 0; i < n; ++i)
      for_each_of(i, [&](int32_t j, float w) {
        incoming[static_cast<size_t>(next[static_cast<size_t>(j)]++)] = {static_cast<int32_t>(i), w};
      });
  }
  /// Merges a vertex's memberships with those in it: visit(target, strength of the union), targets ascending.
  const auto for_each_union = [&](int64_t v, std::vector<Half>& outgoing, const auto& visit) {
    outgoing.clear();
    if (v < n) for_each_of(v, [&](int32_t j, float w) { outgoing.push_back({j, w}); });
    std::sort(outgoing.begin(), outgoing.end(),
              [](const Half& a, const Half& b) { return a.vertex < b.vertex; });
    const Half* out = outgoing.data();
    const Half* const out_end = out + outgoing.size();
    const Half* in = incoming.data() + begin[static_cast<size_t>(v)];
    const Half* const in_end = incoming.data() + begin[static_cast<size_t>(v) + 1];
    while (out != out_end || in != in_end) {
      if (in == in_end || (out != out_end && out->vertex < in->vertex)) {
        visit(out->vertex, out->strength);
        ++out;
      } else if (out == out_end || in->vertex < out->vertex) {
        visit(in->vertex, in->strength);
        ++in;
      } else {
        visit(in->vertex, in->strength + out->strength - in->strength * out->strength);
        ++in;
        ++out;
      }
    }
  };
  const auto for_vertices = [&](const auto& visit) {
    parallel_for(vertices, 1024, [&](int64_t first, int64_t last, int) {
      std::vector<Half> outgoing;
      for (int64_t v = first; v < last; ++v) visit(v, outgoing);
    });
  };
  EdgeList edges;
  edges.begin.assign(static_cast<size_t>(vertices) + 1, 0);
  for_vertices([&](int64_t v, std::vector<Half>& outgoing) {
    for_each_union(v, outgoing, [&](int32_t, float) { ++edges.begin[static_cast<size_t>(v) + 1]; });
  });
  std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
  edges.target.resize(static_cast<size_t>(edges.begin.back()));
  edges.weight.resize(static_cast<size_t>(edges.begin.back()));
  for_vertices([&](int64_t v, std::vector<Half>& outgoing) {
    auto at = static_cast<size_t>(edges.begin[static_cast<size_t>(v)]);
    for_each_union(v, outgoing, [&](int32_t target, float weight) {
      edges.target[at] = target;
      edges.weight[at++] = weight;
    });
  });
  return edges;
}

}  // namespace dvi
