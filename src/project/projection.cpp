#include "project/projection.h"

#include "core/error.h"
#include "core/npy.h"
#include "core/parallel.h"
#include "run/csv.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

template <typename T>
std::string spaced(std::span<const T> values) {
  return fmt::format("{}", fmt::join(values, " "));
}

}  // namespace

std::vector<EpochProjection> project_at(const Run& run, const NewSamples& samples,
                                        const std::vector<int>& epochs,
                                        const std::function<std::shared_ptr<Projector>(int)>& projector_of) {
  if (samples.kind == SampleKind::features && epochs.size() > 1)
    fail(
        "expected inputs to project at {} epochs, found features, which belong to the epoch whose model made "
        "them; name one epoch",
        epochs.size());
  std::vector<EpochProjection> out;
  std::optional<InputReader> reader;
  Matrix inputs;
  if (samples.kind == SampleKind::inputs) {
    reader.emplace(run);
    inputs = prepared(*reader, samples.values);
  }
  out.resize(epochs.size());
  const auto project_one = [&](size_t e) {
    const auto projector = projector_of(epochs[e]);
    out[e] = {epochs[e], reader ? projector->project_inputs(inputs, reader->sample_shape())
                                : projector->project(samples.values)};
  };
  // A few samples do not keep the threads busy: then each thread takes an epoch.
  constexpr int64_t few = 32;
  if (samples.size() > few)
    for (size_t e = 0; e < epochs.size(); ++e) project_one(e);
  else
    parallel_for(std::ssize(epochs), 1,
                 [&](int64_t e, int64_t, int) { project_one(static_cast<size_t>(e)); });
  return out;
}

Json to_json(const NewSamples& samples, const std::vector<EpochProjection>& epochs) {
  Json json = {{"samples", samples.names}, {"epochs", Json::array()}};
  for (const auto& [epoch, at] : epochs) {
    Json list = Json::array();
    for (int64_t i = 0; i < samples.size(); ++i) {
      const auto s = static_cast<size_t>(i);
      const Verdict& verdict = at.verdicts[s];
      list.push_back({{"place", {at.positions(i, 0), at.positions(i, 1)}},
                      {"moved", at.moved[s]},
                      {"prediction", verdict.prediction},
                      {"confidence", verdict.confidence},
                      {"runner_up", verdict.runner_up},
                      {"margin", verdict.margin},
                      {"probabilities",
                       std::span(at.probabilities.row(i), static_cast<size_t>(at.probabilities.cols()))},
                      {"nearest", at.nearest.row(i)},
                      {"distances", at.nearest.distances(i)},
                      {"distance", at.distance[s]},
                      {"familiarity", at.familiarity[s]}});
    }
    json["epochs"].push_back(
        {{"epoch", epoch}, {"usual_distance", at.usual_distance}, {"samples", std::move(list)}});
  }
  return json;
}

std::string projection_csv(const Run& run, const NewSamples& samples,
                           const std::vector<EpochProjection>& epochs) {
  const auto& classes = run.manifest().classes;
  const auto name = [&](int32_t c) { return csv_cell(classes[static_cast<size_t>(c)]); };
  std::string text =
      "epoch,sample,x,y,moved,prediction,confidence,runner_up,margin,distance,usual_distance,familiarity,"
      "nearest,distances";
  for (const auto& one : classes) text += "," + csv_cell("probability of " + one);
  text += "\n";
  for (const auto& [epoch, at] : epochs) {
    const std::string called = csv_cell(epoch_name(run.epoch(epoch)));
    for (int64_t i = 0; i < samples.size(); ++i) {
      const auto s = static_cast<size_t>(i);
      const Verdict& verdict = at.verdicts[s];
      text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{}", called, csv_cell(samples.names[s]),
                          at.positions(i, 0), at.positions(i, 1), at.moved[s], name(verdict.prediction),
                          verdict.confidence, name(verdict.runner_up), verdict.margin, at.distance[s],
                          at.usual_distance, at.familiarity[s], spaced(at.nearest.row(i)),
                          spaced(at.nearest.distances(i)));
      for (int64_t c = 0; c < at.probabilities.cols(); ++c)
        text += fmt::format(",{}", at.probabilities(i, c));
      text += "\n";
    }
  }
  return text;
}

void expect_projection_file(const std::filesystem::path& file) {
  const auto extension = file.extension();
  if (extension != ".npy" && extension != ".json" && extension != ".csv")
    fail("-o {}: expected a name that ends in .npy, .json or .csv, found \"{}\"", file.string(),
         extension.string());
}

void write_projection(const std::filesystem::path& file, const Run& run, const NewSamples& samples,
                      const std::vector<EpochProjection>& epochs) {
  expect_projection_file(file);
  if (file.extension() == ".json") return write_json(file, to_json(samples, epochs));
  if (file.extension() == ".csv") return write_file_atomically(file, projection_csv(run, samples, epochs));
  std::vector<float> places;
  for (const auto& [epoch, at] : epochs) {
    const auto values = at.positions.view().span();
    places.insert(places.end(), values.begin(), values.end());
  }
  std::vector<int64_t> shape = {samples.size(), 2};
  if (epochs.size() > 1) shape.insert(shape.begin(), std::ssize(epochs));
  write_npy(file, DType::f32, shape, places.data());
}

}  // namespace dvi
