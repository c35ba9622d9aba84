#include "vis/reduced_head.h"

#include "linalg/gemm.h"

namespace dvi {

ReducedHead::ReducedHead(SubjectModel& subject, const FeatureUnits& units)
    : subject_(subject), units_(units) {
  const LinearHead* head = subject.linear_head();
  if (head == nullptr) return;
  // logits = W f + b with f = mean + B^T x / scale
  const int64_t classes = head->weight.rows(), d = head->weight.cols(), r = units.dimensions();
  weight_ = Matrix(classes, r);
  multiply(head->weight, transposed(units.subspace.basis), weight_.mut());
  for (int64_t c = 0; c < classes; ++c) {
    double b = head->bias[static_cast<size_t>(c)];
    for (int64_t l = 0; l < d; ++l)
      b += static_cast<double>(head->weight(c, l)) * units.subspace.mean[static_cast<size_t>(l)];
    bias_.push_back(static_cast<float>(b));
    for (int64_t l = 0; l < r; ++l) weight_(c, l) /= units.scale;
  }
}

void ReducedHead::logits(MatrixView x, Matrix& features, MutMatrixView logits) const {
  if (!linear()) {
    features = Matrix(x.rows, units_.feature_dim());
    units_.from_units(x, features.mut());
    subject_.head(features, logits);
    return;
  }
  multiply(x, transposed(weight_), logits);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t c = 0; c < logits.cols; ++c) logits(i, c) += bias_[static_cast<size_t>(c)];
}

void ReducedHead::gradient(MatrixView by_logits, const Matrix& features, MutMatrixView by_x) const {
  if (!linear()) {
    Matrix by_features(features.rows(), features.cols());
    subject_.head_vjp(features, by_logits, by_features.mut());
    units_.gradient_to_units(by_features, by_x);
    return;
  }
  multiply(by_logits, weight_, by_x);
}

}  // namespace dvi
