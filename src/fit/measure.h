// How true the picture of one epoch is, and everything else that view files say of its samples.
#pragma once

#include "fit/projection.h"
#include "metrics/metrics.h"

namespace dvi {

/// Neighbour lists, and what is kept of them, are rank 0's, which writes them; empty on others.
struct Measured {
  EpochMetrics metrics;
  std::vector<int32_t> round_trip;       ///< [N] prediction after project + inverse-project
  Neighbors neighbors, plane_neighbors;  ///< [N] rows = sample ids, k = min(fit_k, ..), without distances
  std::vector<uint8_t> kept;             ///< [N]
  Matrix encoder_positions;              ///< [N, 2]; empty where positions are the encoder's
};

/// `landscape` is the epoch's, painted over `extent`.
Measured measure(const SampleSets&, const EpochData&, const Projection&, const Landscape& landscape,
                 const Extent& extent);

}  // namespace dvi
