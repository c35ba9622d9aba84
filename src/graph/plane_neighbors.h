// Exact nearest neighbours among points of the plane.
//
// A k-d tree over the references with buckets of 32 points; queries walk it in parallel. Every box knows its
// smallest id, so that piles of identical points (a collapsed projection) cost no more than others: among
// equal distances the smaller id wins, and a box whose ids are all larger is skipped.
#pragma once

#include <span>

#include "core/matrix.h"
#include "graph/neighbors.h"

namespace dvi {

/// A search structure over some points of the plane. Queries are thread-safe and use all threads.
class PlaneIndex {
 public:
  /// Over `points` [n, 2]; the id of a point is its row. Throws Error if a coordinate is not finite.
  explicit PlaneIndex(MatrixView points);
  /// Over the rows `ids` of `points` (distinct, any order); their ids are kept.
  PlaneIndex(MatrixView points, std::span<const int32_t> ids);

  int64_t size() const { return static_cast<int64_t>(ids_.size()); }
  /// The k nearest of each row of `queries` [q, 2]. If `self` [q] is given, query i never finds the id
  /// self[i]. k is lowered to what there is: size(), or size() - 1 with `self`.
  Neighbors nearest(MatrixView queries, int k, std::span<const int32_t> self = {}) const;

 private:
  struct Box {
    float x0, y0, x1, y1;  ///< around its points
    int32_t min_id;
    int32_t begin, end;  ///< points of the box in xs_, ys_, ids_
    int32_t right;       ///< the second child (the first follows its parent), 0 for a bucket
  };
  struct Point {
    float x, y;
    int32_t id;
  };
  struct Part {
    int32_t begin, end, box;  ///< points of a box still to be split
  };
  void split(std::vector<Point>& points, Part part, int32_t smallest, std::vector<Part>* parts);
  void search(float x, float y, int k, int32_t self, uint64_t* best) const;

  std::vector<Box> boxes_;
  std::vector<float> xs_, ys_;
  std::vector<int32_t> ids_;
};

/// For each of `queries` (rows of `positions` [N, 2]) its k nearest among `references` (rows too), never
/// itself. The index holds ids, that is rows of `positions`. This is how plane_neighbors.npy is made: once
/// with queries = references = train, and once for every other group with references = train and that group.
Neighbors plane_neighbors(MatrixView positions, std::span<const int32_t> queries,
                          std::span<const int32_t> references, int k);

}  // namespace dvi
