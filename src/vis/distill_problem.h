// What the networks of the default preset are trained on, in the units that they are trained in
// (vis/feature_units.h), and what comes of it.
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "linalg/gemm.h"
#include "vis/reduced_head.h"

namespace dvi {

/// A step draws some places; each stands for a sample, its source. The encoder learns to lead from the
/// source's features to the source's position, the decoder from the place to the source's features and
/// logits. They share the batch and nothing else.
struct DistillProblem {
  MatrixView features;               ///< [n, r] of samples
  std::span<const int32_t> sources;  ///< [m] rows of these, one for each place
  // The encoder's.
  MatrixView positions;  ///< [n, 2]
  // The decoder's.
  MatrixView places;                  ///< [m, 2] that it leads back from
  float jitter = 0;                   ///< standard deviation of what is added to them at each step
  MatrixView logits;                  ///< [n, C]
  const ReducedHead* head = nullptr;  ///< x -> logits
  float sharpness = 1;                ///< logits times this before distributions are compared
  double reconstruction_weight = 1;   ///< of the features' error against the divergence
  uint64_t seed = 0;                  ///< of the jitter
};

struct DistillLosses {  ///< sums over the samples of the last pass
  double encoder = 0, decoder = 0, divergence = 0;
};

}  // namespace dvi
