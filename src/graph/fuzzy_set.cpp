#include "graph/fuzzy_set.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/device.h"
#include "graph/backend/torch/device_fuzzy_set.h"

namespace dvi {

constinit PluginFunction<std::vector<float>(const Neighbors&, double)> device_membership_strengths(
    "find fuzzy sets on a graphics processor");

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

double sum_of_distances(const Neighbors& neighbors) {
  const Alone alone;
  return sum_of_distances(neighbors, neighbors.size());
}

double sum_of_distances(const Neighbors& owned, int64_t queries) {
  const RowRange own = owned_rows(queries);
  return sum_of_owned(queries, [&](int64_t begin, int64_t end) {
    const auto first = owned.distance.begin() + (begin - own.begin) * owned.k;
    return std::accumulate(first, first + (end - begin) * owned.k, 0.0);
  });
}

std::vector<float> membership_strengths(const Neighbors& neighbors, const FuzzySetOptions& options) {
  return membership_strengths(
      neighbors,
      sum_of_distances(neighbors) / static_cast<double>(std::max<size_t>(1, neighbors.distance.size())),
      options);
}

std::vector<float> membership_strengths(const Neighbors& neighbors, double mean_distance,
                                        const FuzzySetOptions& options) {
  const int k = neighbors.k;
  const int64_t n = neighbors.size();
  constexpr int64_t worth_an_upload = 1 << 14;
  std::vector<float> strengths;
  if (n >= worth_an_upload && options.local_connectivity == 1 && one_process_with_cuda() &&
      tried_on_device([&] { strengths = device_membership_strengths(neighbors, mean_distance); }))
    return strengths;
  strengths.resize(neighbors.distance.size());
  const double target = std::log2(static_cast<double>(k));
  const auto strengths_of = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto distances = neighbors.distances(i);
      const double rho = nearest_distance(distances, options.local_connectivity);
      double low = 0, high = INFINITY, sigma = 1;
      for (int step = 0; step < fuzzy_set_steps; ++step) {
        double sum = 0;
        for (const float d : distances) sum += d > rho ? std::exp(-(d - rho) / sigma) : 1;
        if (std::abs(sum - target) < fuzzy_set_tolerance) break;
        if (sum > target) {
          high = sigma;
          sigma = (low + high) / 2;
        } else {
          low = sigma;
          sigma = std::isinf(high) ? sigma * 2 : (low + high) / 2;
        }
      }
      const double mean = std::accumulate(distances.begin(), distances.end(), 0.0) / k;
      sigma = std::max(sigma, least_bandwidth * (rho > 0 ? mean : mean_distance));
      for (int r = 0; r < k; ++r) {
        const double d = distances[r] - rho;
        strengths[i * k + r] = d <= 0 || sigma == 0 ? 1.f : static_cast<float>(std::exp(-d / sigma));
      }
    }
  };
  shared_for(n, 256, strengths_of, {shared_rows(strengths, k)});
  return strengths;
}

EdgeList incoming_memberships(const Neighbors& owned, std::span<const float> strengths, int64_t queries,
                              int64_t vertices, bool same) {
  struct Membership {
    int32_t vertex, query;
    float strength;
  };
  const RowRange own_queries = owned_rows(queries), own_vertices = owned_rows(vertices);
  const auto for_each = [&](const auto& visit) {  // of the own queries
    for (size_t at = 0; at < owned.index.size(); ++at) {
      const auto query = own_queries.begin + static_cast<int64_t>(at) / owned.k;
      if (strengths[at] > 0 && !(same && owned.index[at] == query))
        visit(Membership{owned.index[at], static_cast<int32_t>(query), strengths[at]});
    }
  };
  if (comm().size() == 1)
    return edges_from(vertices, [&](const auto& add) {
      for_each([&](const Membership& m) { add(m.vertex, m.query, m.strength); });
    });
  // Each goes to the rank that owns its vertex; those that come are ascending by query, as ranks are.
  std::vector<int64_t> ends;
  for (int r = 0; r < comm().size(); ++r) ends.push_back(range_of_rank(vertices, owned_grain, r).end);
  const auto owner_of = [&](int32_t vertex) {
    return static_cast<size_t>(std::ranges::upper_bound(ends, int64_t{vertex}) - ends.begin());
  };
  std::vector<int64_t> counts(ends.size(), 0), next(ends.size(), 0);
  for_each([&](const Membership& m) { ++counts[owner_of(m.vertex)]; });
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), int64_t{0});
  std::vector<Membership> sent(static_cast<size_t>(next.back() + counts.back()));
  for_each([&](const Membership& m) { sent[static_cast<size_t>(next[owner_of(m.vertex)]++)] = m; });
  const std::vector<Membership> came = exchanged(std::move(sent), counts);
  return edges_from(own_vertices.size(), [&](const auto& add) {
    for (const Membership& m : came) add(m.vertex - own_vertices.begin, m.query, m.strength);
  });
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
  const EdgeList incoming = edges_from(vertices, [&](const auto& add) {
    for (int64_t i = 0; i < n; ++i) for_each_of(i, [&](int32_t j, float w) { add(j, i, w); });
  });
  return edges_by_row(vertices, [&](int64_t v, const auto& add) {
    std::vector<std::pair<int32_t, float>> outgoing;
    outgoing.reserve(k);
    if (v < n) for_each_of(v, [&](int32_t j, float w) { outgoing.emplace_back(j, w); });
    std::sort(outgoing.begin(), outgoing.end());
    unite_memberships(outgoing, incoming, v, add);
  });
}

}  // namespace dvi
