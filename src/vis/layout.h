// The layout of one epoch: positions in the plane that keep the complexes' neighbours, found by t-SNE's
// objective (van der Maaten & Hinton, JMLR 2008) on their fuzzy edges, with repulsion between all
// pairs (interpolated on a grid), anchored to the epoch before.
//
// Every iteration moves all points by forces taken at the same positions, so that results do not depend on
// the order in which threads come by.
//
// The ranks of a job (comm/comm.h) own their share of the points each, know the edges of these alone, and
// move them. An iteration sends the repulsion's grid, whose size does not depend on the points, and the new
// positions of those points that another rank's edges lead to (vis/position_halo.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "comm/shared_for.h"
#include "core/matrix.h"
#include "graph/fuzzy_set.h"

namespace dvi {

/// A stretch of iterations with the same settings.
struct LayoutPhase {
  int iterations = 0;
  /// Attraction times this. Large values pull each cluster together and let clusters pass each other (early
  /// exaggeration, 12); 1 is t-SNE; values in between give more compact clusters, as UMAP does (Böhm, Berens
  /// & Kobak, JMLR 2022).
  double exaggeration = 1;
  double momentum = 0.8;
  bool framed = false;  ///< the problem's frame holds the points back
};

/// A square that points hardly leave: what lies outside is drawn back by a part of the way at each iteration.
/// Left to itself a layout is as long as its classes happen to lie in a row, and a few points far out make
/// the picture of all others small.
struct LayoutFrame {
  float x0 = 0, y0 = 0, side = 0;
};

/// The square whose area is that of the box around all but the outermost hundredth of `positions` [n, 2] on
/// each side, with the same centre, `room` times as wide.
LayoutFrame frame_around(MatrixView positions, double room);

struct LayoutProblem {
  /// Both directions stored. Rows: the points that this rank owns, owned_rows() (comm/shared_for.h).
  const EdgeList* edges = nullptr;
  /// Null: none. Without a side it is set when the first framed phase begins, with room to grow; positions
  /// that lie in a long row are pressed into a square first.
  LayoutFrame* frame = nullptr;
  MatrixView anchors;  ///< [n, 2]; empty: none
  /// [n] pull to the anchor, in units of the mean attraction; 0 = free
  std::span<const float> anchor_strength;
};

/// Moves `positions` [n, 2] through the phases. `on_iteration(i, of)` is called in the calling thread.
void run_layout(const LayoutProblem&, std::span<const LayoutPhase> phases, MutMatrixView positions,
                const std::function<void(int, int)>& on_iteration = {});

}  // namespace dvi
