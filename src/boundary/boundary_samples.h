// Samples on the classifier's decision boundary, found by bisection between two samples predicted as
// different classes (DVI, AAAI 2022, sec. 3.1).
//
// With x1 of class i and x2 of class j, x(l) = l * x1 + (1 - l) * x2, and l in [alpha, 1] is halved for at
// most max_steps: where class i still wins over j the upper end moves to the middle, else the lower one. A
// point is accepted when its margin m < 0.1 and the interval is shorter than 0.1. Then the same with x1 and
// x2 exchanged.
//
// The published code runs the model on one point at a time. Here a round draws many pairs, every step of
// bisection is one batch, and only unfinished pairs go on. A pair is first looked at once at l = alpha: where
// i still wins there, nothing is crossed between alpha and 1 and the pair costs one pass, not max_steps. With
// alpha = 0.5 that one look also decides which of the two directions holds the crossing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "run/inputs.h"
#include "subject/subject_model.h"

namespace dvi {

struct BoundaryOptions {
  /// How many boundary samples to find; N / C is usual. Fewer are returned where the classifier makes them
  /// too rare.
  int64_t count = 0;
  /// Smallest share of the first sample in the mixture. 0.5 reaches every crossing between the two (MNIST,
  /// Fashion-MNIST); larger values (0.6 for CIFAR-10) stay nearer to real samples and miss more.
  double alpha = 0.5;
  /// Halvings of a pair before it is given up. Each costs a pass of the unfinished pairs.
  int max_steps = 8;
  /// Weight of the success rate against the need when class pairs are drawn (a in p ~ a * success + (1 - a) *
  /// need).
  double success_weight = 0.05;
  /// Different seeds give independent sets: one for the fit, one for the evaluation.
  uint64_t seed = 0;
};

/// Where a boundary sample lies: at weight * first + (1 - weight) * second, in input or feature space.
struct BoundaryOrigin {
  int32_t first = 0, second = 0;  ///< sample ids
  float weight = 0;
};

struct BoundarySet {
  /// [M, D]. EpochData (fit/epoch_data.h) keeps the rows that this rank passes through networks
  /// (passed_rows(), comm/shared_for.h).
  Matrix features;
  Matrix logits;                                ///< [M, C] of the head at `features`
  std::vector<std::array<int32_t, 2>> classes;  ///< [M] the prediction and the runner-up there
  std::string from;                             ///< "inputs", "features" or "recorded": where mixing was done
  std::string note;  ///< one sentence for the user where fewer samples than asked for were found, else empty

  /// How the search went (of "inputs" and "features").
  int64_t attempts = 0;                 ///< bisections begun: two a drawn pair
  int64_t model_passes = 0;             ///< points that went through the subject model
  double model_seconds = 0;             ///< inside the subject model
  double seconds = 0;                   ///< all of it
  std::vector<BoundaryOrigin> origins;  ///< [M]

  int64_t size() const { return static_cast<int64_t>(classes.size()); }
};

/// Mixes recorded inputs: needs a subject model with features(). `ids` are the samples to mix (train samples)
/// and `logits` [N, C] of all samples, row = sample id.
BoundarySet sample_boundary_inputs(SubjectModel&, const InputReader&, std::span<const int32_t> ids,
                                   MatrixView logits, const BoundaryOptions&);

/// Mixes feature vectors ([N, D], row = sample id) where no inputs or no model are recorded. For a linear
/// head the logits of a mixture are the mixture of the logits, so that no head is run at all.
BoundarySet sample_boundary_features(SubjectModel&, MatrixView features, std::span<const int32_t> ids,
                                     MatrixView logits, const BoundaryOptions&);

/// Boundary samples drawn while recording (boundary_features.npy), judged by the head. Taken as they are,
/// whatever their margin: they were accepted by the live model.
BoundarySet recorded_boundary(SubjectModel&, Matrix features);

}  // namespace dvi
