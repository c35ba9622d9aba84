// In which order the points of a layout lie in memory, and which rank of a job (comm/comm.h) moves which of
// them. Its iterations read the positions of each point's neighbours: where there are many points most of the
// time goes into waiting for those that are far off, and a rank has to be sent those that another one moves.
//
// The order changes no position, bit for bit: each point sums over its own edges, in their order.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/shared_for.h"
#include "core/matrix.h"
#include "graph/edge_list.h"

namespace dvi {

/// The points whose edges a rank makes: owned_rows() (comm/shared_for.h) of the samples, then of the boundary
/// samples, which are the last of the points.
struct EdgeShare {
  RowRange samples, boundary;  ///< points
  int64_t size() const { return samples.size() + boundary.size(); }
  int64_t point_of(int64_t row) const {
    return row < samples.size() ? samples.begin + row : boundary.begin + row - samples.size();
  }
  static EdgeShare of(int64_t points, int64_t boundary);
};

class PointOrder {
 public:
  /// Puts points that edges join near each other: groups are grown along the edges until they have some
  /// thousand points, each from the rim of the one before. Of several ranks the first does so, along the
  /// strongest edges of each point. `edges`: both directions, of the points of this rank's `share`.
  PointOrder(const EdgeList& edges, const EdgeShare& share, int64_t points);

  /// The same edges between places; the rows are the places that this rank owns (owned_rows()).
  EdgeList ordered(EdgeList edges) const;
  /// Rows of points by place, and back.
  Matrix ordered(MatrixView rows) const { return gather_rows(rows, point_); }
  Matrix restored(MatrixView rows) const { return gather_rows(rows, place_); }
  std::vector<float> ordered(const std::vector<float>& values) const;

 private:
  EdgeShare share_;
  std::vector<int32_t> point_, place_;  // [n] the point at each place, and the place of each point
};

}  // namespace dvi
