// The positions that a rank reads and another moves: a halo around its own points.
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "graph/edge_list.h"

namespace dvi {

class PositionHalo {
 public:
  /// Of n points, of which each rank of the job owns the owned_rows() (comm/shared_for.h); `edges` are those
  /// of this rank's points. All ranks call it.
  PositionHalo(const EdgeList& edges, int64_t n);
  /// Every rank has moved its own of `positions` [n, 2], and gets those that its edges lead to.
  void refresh(MutMatrixView positions);

 private:
  std::vector<int32_t> wanted_, sent_;              // points, by the rank that they come from or go to
  std::vector<int64_t> wanted_begin_, sent_begin_;  // [ranks + 1] bytes of their positions
  std::vector<float> wanted_values_, sent_values_;
};

}  // namespace dvi
