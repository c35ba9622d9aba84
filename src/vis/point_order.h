// In which order the points of a layout lie in memory. Its iterations read the positions of each point's
// neighbours; where there are many points, most of the time goes into waiting for those that are far off.
//
// The order changes no position, bit for bit: each point sums over its own edges, in their order.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/shared_for.h"
#include "core/matrix.h"
#include "graph/edge_list.h"

namespace dvi {

class PointOrder {
 public:
  /// Puts points that edges join near each other: groups are grown along the edges until they have some
  /// thousand points, each from the rim of the one before. Boundary samples, the last of the points, stay
  /// where they are, and so do the ranks' shares (LayoutShare): each rank orders its own. `edges` as in
  /// LayoutProblem.
  PointOrder(const EdgeList& edges, int64_t points, int64_t boundary);

  /// The same edges between places, the rows in the order of places.
  EdgeList ordered(EdgeList edges) const;
  /// Rows of points by place, and back.
  Matrix ordered(MatrixView rows) const { return gather_rows(rows, point_); }
  Matrix restored(MatrixView rows) const { return gather_rows(rows, place_); }
  std::vector<float> ordered(const std::vector<float>& values) const;

 private:
  RowRange own_;                        // samples of this rank, by point and by place
  std::vector<int32_t> point_, place_;  // [n] the point at each place, and the place of each point
};

}  // namespace dvi
