#include "subject/onnx_subject.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "subject/linear_head.h"
#include "subject/onnx_runtime.h"

namespace dvi {
namespace {

constexpr int64_t samples_a_batch = 128, input_bytes_a_batch = int64_t{16} << 20;

class OnnxSubject final : public SubjectModel {
 public:
  OnnxSubject(const std::filesystem::path& file, LinearHead head)
      : file_(file.string()), model_(file), head_(std::move(head)) {}

  int64_t feature_dim() const override { return head_.weight.cols(); }
  int64_t class_count() const override { return head_.weight.rows(); }
  bool has_features() const override { return true; }
  const LinearHead* linear_head() const override { return &head_; }

  void features(MatrixView inputs, std::span<const int64_t> sample_shape, MutMatrixView out) override {
    int64_t size = 1;
    for (const int64_t n : sample_shape) size *= n;
    if (size != inputs.cols || out.cols != feature_dim() || out.rows != inputs.rows)
      fail("{}: expected inputs of {} values and {} features, found {} and {}", file_, size, feature_dim(),
           inputs.cols, out.cols);
    const int64_t batch =
        std::clamp(input_bytes_a_batch / std::max<int64_t>(1, size * 4), int64_t{1}, samples_a_batch);
    parallel_for(inputs.rows, batch, [&](int64_t begin, int64_t end, int) {
      const int64_t n = end - begin;
      std::vector<int64_t> shape{n};
      shape.insert(shape.end(), sample_shape.begin(), sample_shape.end());
      const auto result = model_.run({inputs.row(begin), static_cast<size_t>(n * size)}, shape);
      if (result.values.size() != static_cast<size_t>(n * out.cols))
        fail("{}: expected {} features a sample, found {} in all for {} samples; record the epoch anew",
             file_, out.cols, result.values.size(), n);
      std::copy(result.values.begin(), result.values.end(), out.row(begin));
    });
  }
  void head(MatrixView features, MutMatrixView logits) override {
    apply_linear_head(head_, features, logits);
  }
  void head_vjp(MatrixView, MatrixView cotangent, MutMatrixView out) override {
    linear_head_vjp(head_, cotangent, out);
  }

 private:
  std::string file_;
  OnnxModel model_;
  LinearHead head_;
};

}  // namespace

std::unique_ptr<SubjectModel> open_onnx_subject(const std::filesystem::path& file, LinearHead head) {
  return std::make_unique<OnnxSubject>(file, std::move(head));
}

}  // namespace dvi
