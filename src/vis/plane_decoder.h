// The inverse projection: from the plane back to feature space.
#pragma once

#include <cstdint>

#include "vis/feature_grid.h"
#include "vis/mlp.h"

namespace dvi {

/// A network behind feature grids (the default preset), or a network alone, which reads the coordinates (the
/// paper preset, as DVI has it).
struct PlaneDecoder {
  FeatureGrid grid;  ///< without levels where the network stands alone
  Mlp network;       ///< grid.width(), or 2 -> D

  bool has_grid() const { return !grid.sizes().empty(); }
  int64_t output_dim() const { return network.output_dim(); }

  struct Trace {
    Matrix encoding;  ///< [n, grid.width()]
    Mlp::Trace network;
  };
  /// What the network is given for `points` [n, 2]: they themselves, or their encoding, which lives in
  /// `trace`. In the calling thread.
  MatrixView network_input(MatrixView points, Trace& trace) const;
  /// In the calling thread; the output [n, D] lives in `trace`.
  MutMatrixView forward(MatrixView points, Trace& trace, Precision precision) const {
    return network.forward(network_input(points, trace), trace.network, precision);
  }
  /// `points` [n, 2] -> `out` [n, D], rows split over all threads.
  void apply(MatrixView points, MutMatrixView out) const;
};

}  // namespace dvi
