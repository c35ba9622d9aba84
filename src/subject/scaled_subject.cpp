#include "subject/scaled_subject.h"

#include <optional>

namespace dvi {
namespace {

Matrix times(MatrixView m, float factor) {
  Matrix out(m.rows, m.cols);
  for (int64_t i = 0; i < m.rows * m.cols; ++i) out.data()[i] = m.data[i] * factor;
  return out;
}

void multiply(MutMatrixView m, float factor) {
  for (int64_t i = 0; i < m.rows; ++i)
    for (int64_t j = 0; j < m.cols; ++j) m.row(i)[j] *= factor;
}

class ScaledSubject final : public SubjectModel {
 public:
  ScaledSubject(std::unique_ptr<SubjectModel> subject, float scale)
      : subject_(std::move(subject)), scale_(scale) {
    if (const LinearHead* head = subject_->linear_head())
      linear_ = LinearHead{times(head->weight, 1 / scale_), head->bias};
  }

  int64_t feature_dim() const override { return subject_->feature_dim(); }
  int64_t class_count() const override { return subject_->class_count(); }
  bool has_features() const override { return subject_->has_features(); }
  void features(MatrixView inputs, std::span<const int64_t> sample_shape, MutMatrixView out) override {
    subject_->features(inputs, sample_shape, out);
    multiply(out, scale_);
  }
  void head(MatrixView features, MutMatrixView logits) override {
    subject_->head(times(features, 1 / scale_), logits);
  }
  void head_vjp(MatrixView features, MatrixView cotangent, MutMatrixView out) override {
    subject_->head_vjp(times(features, 1 / scale_), cotangent, out);
    multiply(out, 1 / scale_);
  }
  const LinearHead* linear_head() const override { return linear_ ? &*linear_ : nullptr; }

 private:
  std::unique_ptr<SubjectModel> subject_;
  float scale_;
  std::optional<LinearHead> linear_;
};

}  // namespace

std::unique_ptr<SubjectModel> make_scaled_subject(std::unique_ptr<SubjectModel> subject, float scale) {
  return std::make_unique<ScaledSubject>(std::move(subject), scale);
}

}  // namespace dvi
