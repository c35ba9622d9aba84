// Nearest neighbours of many queries among the same references: what is known of the references (their
// principal subspace, 8-bit codes, cells) is worked out once.
//
// Exact search. References are grouped into cells by k-means, and queries that lie together are answered
// together:
//
// 1. The cells nearest to a group of queries give each query k references that are nearly the nearest. Their
//    distance tau bounds the true k-th distance from above.
// 2. Every reference that can be within tau is a candidate, told by lower bounds (bound_codes.h): first of
//    whole cells, |x - y| >= |x - centre| - radius, then of pairs by 8-bit products.
// 3. Candidates are measured in float32. Nothing else can be among the k nearest, so the answer is exact
//    whatever the data; only the number of candidates depends on them.
//
// Approximate search stops after step 1, with as many cells as the wanted recall takes (Jégou, Douze &
// Schmid, "Product quantization for nearest neighbor search", PAMI 2011, section IV, has the idea of probing
// cells).
#pragma once

#include <memory>

#include "core/matrix.h"
#include "graph/neighbors.h"

namespace dvi {

class NeighborIndex {
 public:
  /// `references` [m, D] must outlive the index. It is laid out for about `queries` queries, or as many as
  /// there are references: a subspace has to be worth its search. Throws Error if a feature is not finite or
  /// greater than greatest_searchable (bound_codes.h); so do the searches.
  explicit NeighborIndex(MatrixView references);
  NeighborIndex(MatrixView references, int64_t queries);
  /// Of other samples [m, D] of the same feature space: the subspace of `alike` serves them too, and is not
  /// sought again.
  NeighborIndex(MatrixView references, const NeighborIndex& alike);
  NeighborIndex(NeighborIndex&&) noexcept;
  NeighborIndex& operator=(NeighborIndex&&) noexcept;
  ~NeighborIndex();

  /// The exact k nearest of `queries` [n, D]. Where `same` is set, `queries` are the references and a sample
  /// is not its own neighbour (duplicates of it are). Throws Error if there are fewer than k.
  Neighbors exact(MatrixView queries, int k, bool same, Queries = Queries::all) const;

  /// Approximately the k nearest, with a measured recall of at least 0.99. The same for any number of
  /// threads. Throws Error if there are fewer than k.
  FoundNeighbors approximate(MatrixView queries, int k, bool same, Queries = Queries::all) const;

  /// The exact k nearest, by all distances on LibTorch's device (graph/backend/torch/device_neighbors.h).
  Neighbors on_device(MatrixView queries, int k, bool same) const;

  /// Exact up to 4e10 pairs of a query and a reference (200,000 samples among themselves), approximate
  /// beyond; on a CUDA device (core/device.h) exact up to 2e12.
  FoundNeighbors find(MatrixView queries, int k, bool same, Queries = Queries::all) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace dvi
