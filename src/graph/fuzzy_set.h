// Fuzzy simplicial sets of UMAP (McInnes, Healy & Melville, 2018, sec. 3.1, algorithms 2 and 3), as weighted
// edge lists.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "graph/edge_list.h"
#include "graph/neighbors.h"

namespace dvi {

struct FuzzySetOptions {
  /// Neighbours that get full membership although they are not the sample itself: 1 makes the nearest
  /// neighbour certain.
  double local_connectivity = 1;
};

/// How the bandwidth sigma of a sample is found: by bisection, until the strengths sum to within the
/// tolerance.
constexpr int fuzzy_set_steps = 64;
constexpr double fuzzy_set_tolerance = 1e-5;
/// No bandwidth is less than this share of the mean distance: it would cut a tight group off from everything
/// (umap-learn's MIN_K_DIST_SCALE).
constexpr double least_bandwidth = 1e-3;

/// Membership strengths exp(-max(0, d - rho) / sigma) of each query's neighbours, sigma found so that they
/// sum to log2(k) (smooth k-NN distances). Not symmetrised. Zero distances (duplicate samples) have
/// strength 1. [n * k], in the order of `neighbors`. Of many samples on a CUDA device (core/device.h).
std::vector<float> membership_strengths(const Neighbors& neighbors, const FuzzySetOptions& options = {});
/// The same where the mean distance of all queries' neighbours is known: `neighbors` may then be some rows of
/// them.
std::vector<float> membership_strengths(const Neighbors& neighbors, double mean_distance,
                                        const FuzzySetOptions& options = {});

/// Sum of all distances; the second of `owned` rows of `queries`. In the same order for any number of ranks.
double sum_of_distances(const Neighbors& neighbors);
double sum_of_distances(const Neighbors& owned, int64_t queries);

/// Memberships by the vertex that they point at. Row v: those of vertex v of this rank's owned_rows() of
/// `vertices`; targets: the queries that they come from, ascending. `owned` and `strengths` are of the owned
/// rows of `queries`. With `same`, query i is vertex i, and is no member of itself.
EdgeList incoming_memberships(const Neighbors& owned, std::span<const float> strengths, int64_t queries,
                              int64_t vertices, bool same);

/// One row of a fuzzy union: passes add(vertex, w + v - w * v) for all vertices of `outgoing` and of row
/// `row` of `incoming`, both ascending by vertex, where a missing strength is 0.
template <typename Add>
void unite_memberships(std::span<const std::pair<int32_t, float>> outgoing, const EdgeList& incoming,
                       int64_t row, const Add& add) {
  auto out = outgoing.begin();
  for (auto in = static_cast<size_t>(incoming.begin[static_cast<size_t>(row)]);
       in < static_cast<size_t>(incoming.begin[static_cast<size_t>(row) + 1]); ++in) {
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
}

/// Fuzzy union w + w^T - w * w^T over `vertices` vertices. Query i is vertex i; neighbour index j is vertex
/// target_offset + j. Symmetric: every edge is stored in both directions. Targets ascend within a row.
EdgeList fuzzy_union(const Neighbors& neighbors, const std::vector<float>& strengths, int64_t vertices,
                     int32_t target_offset = 0);

}  // namespace dvi
