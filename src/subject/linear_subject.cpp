#include "core/error.h"
#include "subject/linear_head.h"

namespace dvi {
namespace {

class LinearSubject final : public SubjectModel {
 public:
  explicit LinearSubject(LinearHead head) : head_(std::move(head)) {}

  int64_t feature_dim() const override { return head_.weight.cols(); }
  int64_t class_count() const override { return head_.weight.rows(); }
  bool has_features() const override { return false; }
  void features(MatrixView, std::span<const int64_t>, MutMatrixView) override {
    fail(
        "subject model: expected one that computes features from inputs, found the arrays of a linear head "
        "alone; "
        "record subject.pt too, or work in feature space");
  }
  void head(MatrixView features, MutMatrixView logits) override {
    apply_linear_head(head_, features, logits);
  }
  void head_vjp(MatrixView, MatrixView cotangent, MutMatrixView out) override {
    linear_head_vjp(head_, cotangent, out);
  }
  const LinearHead* linear_head() const override { return &head_; }

 private:
  LinearHead head_;
};

}  // namespace

std::unique_ptr<SubjectModel> make_linear_subject(LinearHead head) {
  if (static_cast<int64_t>(head.bias.size()) != head.weight.rows())
    fail("linear head: expected one bias a class, found {} biases for {} classes", head.bias.size(),
         head.weight.rows());
  return std::make_unique<LinearSubject>(std::move(head));
}

}  // namespace dvi
