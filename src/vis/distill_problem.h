// What the networks of the default preset are trained on, in the units that they are trained in
// (vis/feature_units.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "subject/logits.h"
#include "vis/landmarks.h"
#include "vis/reduced_head.h"
#include "vis/training_features.h"

namespace dvi {

/// The encoder's network learns which landmarks are near where a sample lies.
struct EncoderProblem {
  const TrainingFeatures* features = nullptr;  ///< of n samples
  const LandmarkShares* shares = nullptr;      ///< of n points
};

/// The decoder learns to lead from a place in the plane to the features of a sample, its source, and to what
/// the classifier says of it.
struct DecoderProblem {
  const TrainingFeatures* features = nullptr;  ///< of n samples
  StackedView logits;                          ///< [n, C]
  std::span<const Verdict> verdicts;           ///< [n] of these logits
  MatrixView places;                           ///< [m, 2] of the plane
  std::span<const int32_t> sources;            ///< [m] rows of the samples, one for each place
  float jitter = 0;                   ///< standard deviation of what is added to the places at each step
  const ReducedHead* head = nullptr;  ///< x -> logits
  float sharpness = 1;                ///< logits times this before distributions are compared
  double reconstruction_weight = 1;   ///< of the features' error against the divergence
  double margin_weight = 1;           ///< of the margin's error (vis/margin_error.h) likewise
  uint64_t seed = 0;                  ///< of the jitter
};

struct DecoderLosses {  ///< sums over the samples of the last pass
  double reconstruction = 0, divergence = 0;
};

}  // namespace dvi
