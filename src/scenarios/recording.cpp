#include "scenarios/recording.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/progress.h"
#include "scenarios/training.h"
#include "subject/torch_subject.h"

namespace dvi {
namespace {

constexpr int64_t images_a_piece = 4096;

}  // namespace

Recording::Recording(const std::string& scenario, const ScenarioOptions& options, const std::string& run_name,
                     std::vector<std::string> classes, std::vector<Source> sources)
    : scenario_(to_json(scenario, options)), options_(options), sources_(std::move(sources)) {
  manifest_.name = run_name;
  manifest_.classes = std::move(classes);
  manifest_.feature_dim = Classifier::feature_dim;
  manifest_.subject = SubjectKind::torchscript;
  manifest_.inputs = InputSpec{"image", "NHWC", {}, {}, {}};
  for (const auto& source : sources_) {
    manifest_.groups.push_back({source.name, source.role, sample_count(), source.images.count()});
    labels_.insert(labels_.end(), source.images.labels.begin(), source.images.labels.end());
  }
}

void Recording::column(const std::string& name, std::span<const float> values, Json shown) {
  columns_.emplace_back(name, std::vector<float>(values.begin(), values.end()));
  show_column(name, std::move(shown));
}

void Recording::begin() {
  writer_ = std::make_unique<RunWriter>(options_.out, manifest_);
  // First of all files: a recording that was cut short is known by it.
  write_json(options_.out / "scenario.json", scenario_);
  writer_->labels(labels_);
  std::vector<uint8_t> pixels;
  for (const auto& source : sources_)
    pixels.insert(pixels.end(), source.images.pixels.begin(), source.images.pixels.end());
  const ImageShape& shape = sources_.front().images.shape;
  writer_->inputs(DType::u8, std::vector{sample_count(), shape.height, shape.width, shape.channels},
                  pixels.data());
  for (const auto& [name, values] : columns_) writer_->column(name, values);
  writer_->begin();
}

const Group& Recording::group(const std::string& name) const {
  return *std::find_if(manifest_.groups.begin(), manifest_.groups.end(),
                       [&](const Group& group) { return group.name == name; });
}

Outputs Recording::compute_outputs(const std::filesystem::path& subject_file,
                                   const ChangedPixels& changed) const {
  const auto subject =
      open_torch_subject(subject_file, manifest_.feature_dim, manifest_.class_count(), ModelPlace::threads);
  Outputs outputs{
      Matrix(sample_count(), manifest_.feature_dim), Matrix(sample_count(), manifest_.class_count()), {}};
  for (size_t g = 0; g < sources_.size(); ++g) {
    const ImageSet* images = &sources_[g].images;
    ImageSet now;
    if (const auto it = changed.find(sources_[g].name); it != changed.end()) {
      now = ImageSet{images->shape, it->second, images->labels};
      images = &now;
    }
    const ImageShape& shape = images->shape;
    const std::vector<int64_t> sample_shape{shape.channels, shape.height, shape.width};
    const std::vector<int32_t> ids = all_ids(images->count());
    for (int64_t begin = 0; begin < images->count(); begin += images_a_piece) {
      const int64_t n = std::min(images_a_piece, images->count() - begin);
      const Matrix batch = gather_images(*images, std::span(ids).subspan(begin, n));
      subject->features(batch, sample_shape,
                        outputs.features.mut().slice(manifest_.groups[g].begin + begin, n));
    }
  }
  subject->head(outputs.features, outputs.logits.mut());
  outputs.verdicts = judge(outputs.logits.view());
  return outputs;
}

Json Recording::usual_scalars(const Outputs& outputs) const {
  Json scalars = Json::object();
  for (const auto& group : manifest_.groups) {
    double loss = 0;
    int64_t right = 0;
    for (int64_t i = group.begin; i < group.end(); ++i) {
      const int32_t label = labels_[i];
      const std::span logits(outputs.logits.row(i), static_cast<size_t>(outputs.logits.cols()));
      loss -= std::log(std::max(probability(logits, label), 1e-30f));
      right += outputs.verdicts[i].prediction == label;
    }
    const auto n = static_cast<double>(std::max<int64_t>(1, group.count));
    scalars[group.name + "_loss"] = loss / n;
    scalars[group.name + "_accuracy"] = static_cast<double>(right) / n;
  }
  return scalars;
}

Outputs Recording::record(int epoch, const Classifier& classifier, const ChangedPixels& changed,
                          const Extra& extra) {
  EpochWriter writer = writer_->epoch(epoch);
  const auto subject_file = writer.folder() / "subject.pt";
  classifier.save(subject_file);
  Outputs outputs = compute_outputs(subject_file, changed);
  writer.features(outputs.features);
  writer.logits(outputs.logits);
  for (const auto& [name, pixels] : changed) {
    const ImageShape& shape = sources_.front().images.shape;
    writer.group_inputs(name, DType::u8,
                        std::vector{group(name).count, shape.height, shape.width, shape.channels},
                        pixels.data());
  }
  Json scalars = usual_scalars(outputs);
  if (extra) extra(writer, outputs, scalars);
  std::string line = fmt::format("epoch {} recorded:", epoch);
  for (const auto& [name, value] : scalars.items())
    if (name.ends_with("accuracy")) line += fmt::format(" {} {:.3f}", name, value.get<double>());
  writer.commit(std::move(scalars));
  say(line);
  return outputs;
}

}  // namespace dvi
