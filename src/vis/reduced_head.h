// The classifier's head over features in training units (vis/feature_units.h), as the decoder's loss needs
// it.
#pragma once

#include <span>
#include <vector>

#include "core/matrix.h"
#include "subject/subject_model.h"
#include "vis/feature_units.h"

namespace dvi {

/// A linear head becomes a linear head over r dimensions. Any other head is asked about whole feature
/// vectors: these are put together from the units, and the gradient is taken back to them.
class ReducedHead {
 public:
  /// `subject` and `units` must outlive it.
  ReducedHead(SubjectModel& subject, const FeatureUnits& units);

  /// Whether logits() and gradient() may be called by several threads at once.
  bool linear() const { return !bias_.empty(); }
  int64_t class_count() const { return subject_.class_count(); }
  MatrixView weight() const { return weight_; }          ///< [C, r] of a linear head
  std::span<const float> bias() const { return bias_; }  ///< [C] of a linear head

  /// `x` [n, r] -> `logits` [n, C]. `features` is scratch that gradient() needs.
  void logits(MatrixView x, Matrix& features, MutMatrixView logits) const;
  /// The gradient by logits [n, C], at the place of logits(), -> the gradient by x [n, r].
  void gradient(MatrixView by_logits, const Matrix& features, MutMatrixView by_x) const;

 private:
  SubjectModel& subject_;
  const FeatureUnits& units_;
  Matrix weight_;
  std::vector<float> bias_;  // empty for a head that is not linear
};

}  // namespace dvi
