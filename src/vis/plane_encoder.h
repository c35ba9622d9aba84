// The projection: from feature space to the plane.
#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "vis/mlp.h"

namespace dvi {

/// A network that weighs landmarks, places of the plane (vis/landmarks.h): a sample lies at their mean,
/// weighted by the softmax of the network's output (the default preset). Or a network that gives coordinates,
/// as DVI has it (the paper preset).
///
/// A layout tears: features that hardly differ may lie on two sides of a gap. A network that gives
/// coordinates is continuous and puts what it is unsure of in between, where other samples lie; a softmax
/// decides.
struct PlaneEncoder {
  Mlp network;       ///< D -> K or 2
  Matrix landmarks;  ///< [K, 2]; none where the network gives coordinates

  bool has_landmarks() const { return landmarks.rows() > 0; }
  int64_t input_dim() const { return network.input_dim(); }
  /// `features` [n, D] -> `out` [n, 2], rows split over all threads; of many on a CUDA device
  /// (core/device.h).
  void apply(MatrixView features, MutMatrixView out) const;
};

}  // namespace dvi
