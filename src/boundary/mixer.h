// Points on the segments between pairs of samples, and what the subject model says of them.
#pragma once

#include <memory>
#include <span>

#include "boundary/pair_drawer.h"
#include "core/matrix.h"
#include "run/inputs.h"
#include "subject/subject_model.h"

namespace dvi {

/// weight * first + (1 - weight) * second of a pair of the round.
struct Mixture {
  int32_t pair;
  float weight;
};

class Mixer {
 public:
  virtual ~Mixer() = default;
  /// How many pairs a round may have, so that its memory stays in bounds.
  virtual int64_t largest_round() const = 0;
  virtual void begin_round(std::span<const SamplePair> pairs) = 0;
  /// `logits` [n, C] of n mixtures.
  virtual void judge_mixtures(std::span<const Mixture>, MutMatrixView logits) = 0;
  /// `features` [rows.size(), D] and `logits` [.., C] of some rows, ascending, of the last judge_mixtures.
  virtual void take(std::span<const int32_t> rows, MutMatrixView features, MutMatrixView logits) = 0;

  double model_seconds() const { return model_seconds_; }
  int64_t model_passes() const { return model_passes_; }

 protected:
  double model_seconds_ = 0;
  int64_t model_passes_ = 0;
};

/// Mixes recorded inputs; every mixture passes through the whole model.
std::unique_ptr<Mixer> make_input_mixer(SubjectModel&, const InputReader&);
/// Mixes feature vectors ([N, D]); every mixture passes through the head, or, where the head is linear, is
/// the mixture of the two ends' logits.
std::unique_ptr<Mixer> make_feature_mixer(SubjectModel&, MatrixView features);

}  // namespace dvi
