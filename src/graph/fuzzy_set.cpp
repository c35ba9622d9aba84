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
    int32_t target;
    float forward, backward;
  };
  // Every directed membership lands in both of its vertices' rows; entries of the same pair are then merged.
  std::vector<int64_t> begin(static_cast<size_t>(vertices) + 1, 0);
  const int64_t n = neighbors.size(), k = neighbors.k;
  const auto for_each = [&](const auto& visit) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t r = 0; r < k; ++r) {
        const auto at = static_cast<size_t>(i * k + r);
        const int32_t j = neighbors.index[at] + target_offset;
        if (j != i && strengths[at] > 0) visit(static_cast<int32_t>(i), j, strengths[at]);
      }
  };
  for_each([&](int32_t i, int32_t j, float) {
    ++begin[static_cast<size_t>(i) + 1];
    ++begin[static_cast<size_t>(j) + 1];
  });
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<Half> halves(static_cast<size_t>(begin.back()));
  std::vector<int64_t> cursor(begin.begin(), begin.end() - 1);
  for_each([&](int32_t i, int32_t j, float w) {
    halves[static_cast<size_t>(cursor[static_cast<size_t>(i)]++)] = {j, w, 0};
    halves[static_cast<size_t>(cursor[static_cast<size_t>(j)]++)] = {i, 0, w};
  });
  std::vector<int64_t> merged(static_cast<size_t>(vertices));
  parallel_for(vertices, 1024, [&](int64_t first, int64_t last, int) {
    for (int64_t v = first; v < last; ++v) {
      auto* from = halves.data() + begin[static_cast<size_t>(v)];
      auto* to = halves.data() + begin[static_cast<size_t>(v) + 1];
      std::sort(from, to, [](const Half& a, const Half& b) { return a.target < b.target; });
      auto* out = from;
      for (auto* h = from; h != to; ++h) {
        if (out != from && (out - 1)->target == h->target) {
          (out - 1)->forward = std::max((out - 1)->forward, h->forward);
          (out - 1)->backward = std::max((out - 1)->backward, h->backward);
        } else {
          *out++ = *h;
        }
      }
      merged[static_cast<size_t>(v)] = out - from;
    }
  });
  EdgeList edges;
  edges.begin.assign(static_cast<size_t>(vertices) + 1, 0);
  for (int64_t v = 0; v < vertices; ++v)
    edges.begin[static_cast<size_t>(v) + 1] =
        edges.begin[static_cast<size_t>(v)] + merged[static_cast<size_t>(v)];
  edges.target.resize(static_cast<size_t>(edges.begin.back()));
  edges.weight.resize(static_cast<size_t>(edges.begin.back()));
  parallel_for(vertices, 1024, [&](int64_t first, int64_t last, int) {
    for (int64_t v = first; v < last; ++v)
      for (int64_t e = 0; e < merged[static_cast<size_t>(v)]; ++e) {
        const Half& h = halves[static_cast<size_t>(begin[static_cast<size_t>(v)] + e)];
        const auto at = static_cast<size_t>(edges.begin[static_cast<size_t>(v)] + e);
        edges.target[at] = h.target;
        edges.weight[at] = h.forward + h.backward - h.forward * h.backward;
      }
  });
  return edges;
}

}  // namespace dvi
