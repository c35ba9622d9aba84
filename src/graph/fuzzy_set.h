// Fuzzy simplicial sets of UMAP (McInnes, Healy & Melville, 2018, sec. 3.1, algorithms 2 and 3), as weighted
// edge lists.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/edge_list.h"
#include "graph/neighbors.h"

namespace dvi {

struct FuzzySetOptions {
  /// Neighbours that get full membership although they are not the sample itself: 1 makes the nearest
  /// neighbour certain.
  double local_connectivity = 1;
};

/// Membership strengths exp(-max(0, d - rho) / sigma) of each query's neighbours, sigma found so that they
/// sum to log2(k) (smooth k-NN distances). Not symmetrised. Zero distances (duplicate samples) have
/// strength 1. [n * k], in the order of `neighbors`.
std::vector<float> membership_strengths(const Neighbors& neighbors, const FuzzySetOptions& options = {});

/// Fuzzy union w + w^T - w * w^T over `vertices` vertices. Query i is vertex i; neighbour index j is vertex
/// target_offset + j. Symmetric: every edge is stored in both directions. Targets ascend within a row.
EdgeList fuzzy_union(const Neighbors& neighbors, const std::vector<float>& strengths, int64_t vertices,
                     int32_t target_offset = 0);

}  // namespace dvi
