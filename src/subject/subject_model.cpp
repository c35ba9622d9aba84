#include "subject/subject_model.h"

#include "comm/shared_for.h"
#include "core/error.h"
#include "run/epoch_names.h"
#include "run/feature_scale.h"
#include "subject/onnx_runtime.h"
#include "subject/onnx_subject.h"
#include "subject/scaled_subject.h"
#include "subject/torch_subject.h"

namespace dvi {
namespace {

bool has_arrays(const Epoch& epoch) { return epoch.has("head_weight.npy") && epoch.has("head_bias.npy"); }

LinearHead read_linear_head(const Run& run, const Epoch& epoch) {
  const NpyArray weight = NpyArray::open(epoch.folder() / "head_weight.npy");
  weight.expect_dtype({DType::f32});
  weight.expect_shape({run.manifest().class_count(), run.manifest().feature_dim});
  const NpyArray bias = NpyArray::open(epoch.folder() / "head_bias.npy");
  bias.expect_dtype({DType::f32});
  bias.expect_shape({run.manifest().class_count()});
  const auto where = fmt::format("at epoch {}", epoch_name(epoch));
  LinearHead head{weight.to_matrix(), bias.to_floats()};
  expect_finite(head.weight, weight.path(), where);
  expect_finite({head.bias.data(), 1, static_cast<int64_t>(head.bias.size())}, bias.path(), where);
  return head;
}

}  // namespace

constinit PluginFunction<std::unique_ptr<SubjectModel>(const std::filesystem::path&, int64_t, int64_t,
                                                       ModelPlace)>
    open_torch_subject("open a TorchScript model that has no head_weight.npy and head_bias.npy beside it");

namespace {

std::unique_ptr<SubjectModel> open_as_recorded(const Run& run, const Epoch& epoch, ModelPlace place) {
  if (run.manifest().subject == SubjectKind::torchscript &&
      (!has_arrays(epoch) || (epoch.has("subject.pt") && open_torch_subject.available())))
    return open_torch_subject(epoch.folder() / "subject.pt", run.manifest().feature_dim,
                              run.manifest().class_count(), place);
  LinearHead head = read_linear_head(run, epoch);
  if (epoch.has("subject.onnx") && have_onnx_runtime())
    return open_onnx_subject(epoch.folder() / "subject.onnx", std::move(head));
  return make_linear_subject(std::move(head));
}

}  // namespace

std::unique_ptr<SubjectModel> open_subject(const Run& run, const Epoch& epoch, ModelPlace place) {
  auto subject = open_as_recorded(run, epoch, place);
  const float scale = feature_scale(epoch);
  return scale == 1 ? std::move(subject) : make_scaled_subject(std::move(subject), scale);
}

RecordedRows epoch_logits(const Epoch& epoch, MatrixView features, SubjectModel& subject) {
  if (auto recorded = epoch.logits()) return std::move(*recorded);
  Matrix logits(features.rows, subject.class_count());
  const RowRange own = passed_rows(features.rows);
  if (own.size() > 0)
    subject.head(features.slice(own.begin, own.size()), logits.mut().slice(own.begin, own.size()));
  gather_shared(features.rows, pass_grain, shared_rows(logits.mut()));
  expect_finite(logits, epoch.folder() / "features.npy",
                fmt::format("in its logits at epoch {}", epoch_name(epoch)));
  return logits;
}

}  // namespace dvi
