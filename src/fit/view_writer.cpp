#include "fit/view_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/parallel.h"
#include "linalg/gemm.h"
#include "run/view.h"
#include "run/view_format.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

void write_ints(const fs::path& file, const std::vector<int32_t>& values, int64_t cols) {
  const int64_t shape[] = {static_cast<int64_t>(values.size()) / std::max<int64_t>(1, cols), cols};
  write_npy(file, shape, std::span<const int32_t>(values));
}

/// As recorded, in float16 where that holds them, else in float32.
void write_boundary_features(const fs::path& file, const EpochData& data, std::span<const float> features) {
  float greatest = 0;
  for (const float value : features) greatest = std::max(greatest, std::abs(value / data.feature_scale));
  const int64_t shape[] = {data.boundary.size(), data.features.cols()};
  const auto write = [&](DType type, const auto& convert) {
    std::vector<decltype(convert(0.f))> values;
    values.reserve(features.size());
    for (const float value : features) values.push_back(convert(value / data.feature_scale));
    write_npy(file, type, shape, values.data());
  };
  if (greatest > 60000 || greatest < 1e-2f)
    write(DType::f32, [](float value) { return value; });
  else
    write(DType::f16, float_to_half);
}

}  // namespace

ViewWriter::ViewWriter(const Run& run, const ViewIdentity& identity, bool anew)
    : folder_(run.view_folder(identity.name)) {
  if (!is_plain_name(identity.name))
    fail("--view {}: expected a name that can name a folder (no slash or backslash, no leading dot)",
         identity.name);
  make_folder(folder_ / "epochs");
  lock_.file = ::open((folder_ / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_.file < 0)
    fail("{}: cannot be written: {}; check the folder and its rights", folder_.string(),
         std::strerror(errno));
  if (flock(lock_.file, LOCK_EX | LOCK_NB) != 0)
    fail(
        "{}: expected a view that nobody is fitting, found another 'dvi fit' at work on it; wait for it or "
        "choose another --view",
        folder_.string());

  const auto file = folder_ / "view.json";
  if (fs::exists(file) && anew) {
    for (const char* part : {"view.json", "epochs", "territories", "events.npy"})
      fs::remove_all(folder_ / part);
    make_folder(folder_ / "epochs");
  }
  if (fs::exists(file)) {
    const View view = View::open(run, identity.name);
    json_ = view.json();
    if (json_.value("preset", "") != identity.preset || json_.value("seed", uint64_t{0}) != identity.seed ||
        json_.value("settings", Json()) != identity.settings)
      fail(
          "{}: expected a view of preset \"{}\", seed {} and today's settings, found other ones; choose "
          "another --view or fit anew with --force",
          file.string(), identity.preset, identity.seed);
    for (const int epoch : view.epoch_numbers())
      if (fs::exists(epoch_folder(epoch) / "view_epoch.json")) epochs_.push_back(epoch);
    if (!epochs_.empty()) extent_ = json_.at("extent");
    revision_ = json_.at("territory").value("revision", 0);
  }
  remove_what_killed_fits_left();
  json_["format"] = "dvi-view";
  json_["version"] = view_version;
  json_["name"] = identity.name;
  json_["preset"] = identity.preset;
  json_["seed"] = identity.seed;
  json_["threads"] = threads();
  json_["settings"] = identity.settings;
  json_["versions"] = {{"dvi", DVI_VERSION},
                       {"onednn", onednn_version()},
                       {"isa", onednn_isa()},
                       {"precision", best_precision() == Precision::bf16 ? "bf16" : "f32"}};
}

// The lock says that nobody else is at work here.
void ViewWriter::remove_what_killed_fits_left() const {
  remove_leftovers(folder_);
  remove_leftovers(folder_ / "epochs");
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ / "epochs", none))
    if (entry.path().filename().string().ends_with(".writing")) fs::remove_all(entry.path());
  for (const auto& entry : fs::directory_iterator(folder_ / "territories", none))
    if (entry.path().filename() != std::to_string(revision_)) fs::remove_all(entry.path());
}

ViewWriter::Lock::~Lock() {
  if (file >= 0) close(file);
}

fs::path ViewWriter::epoch_folder(int epoch) const { return folder_ / "epochs" / epoch_folder_name(epoch); }

void ViewWriter::set_state(const std::string& state) {
  json_["state"] = state;
  write_view();
}

std::vector<int> ViewWriter::batch() const { return json_.value("batch", std::vector<int>{}); }

void ViewWriter::set_batch(const std::vector<int>& epochs) {
  json_.erase("batch");
  if (!epochs.empty()) json_["batch"] = epochs;
  write_view();
}

void ViewWriter::write_view() {
  json_["epochs"] = epochs_;
  json_["extent"] = extent_;
  json_["territory"] = {{"revision", revision_}, {"size", territory_size}};
  write_json(folder_ / "view.json", json_);
}

void ViewWriter::write_arrays(const fs::path& folder, const EpochOutcome& outcome) const {
  const auto& [data, projection, painting, measured, boundary_features, events, seconds, job] = outcome;
  write_npy(folder / "positions.npy", projection.positions);
  if (!projection.shows_encoder) write_npy(folder / "encoder_positions.npy", measured.encoder_positions);
  if (projection.state != nullptr) projection.state->save(folder);
  std::vector<int32_t> predictions, runner_up;
  std::vector<float> confidence, margin;
  for (const auto& v : data.verdicts) {
    predictions.push_back(v.prediction);
    runner_up.push_back(v.runner_up);
    confidence.push_back(v.confidence);
    margin.push_back(v.margin);
  }
  write_npy(folder / "predictions.npy", predictions);
  write_npy(folder / "runner_up.npy", runner_up);
  write_npy(folder / "confidence.npy", confidence);
  write_npy(folder / "margin.npy", margin);
  write_npy(folder / "round_trip.npy", measured.round_trip);
  write_ints(folder / "neighbors.npy", measured.neighbors.index, measured.neighbors.k);
  write_ints(folder / "plane_neighbors.npy", measured.plane_neighbors.index, measured.plane_neighbors.k);
  write_npy(folder / "neighbors_kept.npy", measured.kept);
  if (!projection.moved.empty()) write_npy(folder / "moved.npy", projection.moved);
  write_npy(folder / "boundary_positions.npy", projection.boundary_positions);
  std::vector<int32_t> classes;
  for (const auto& pair : data.boundary.classes) classes.insert(classes.end(), pair.begin(), pair.end());
  write_ints(folder / "boundary_classes.npy", classes, 2);
  write_boundary_features(folder / "boundary_features.npy", data, boundary_features);
  std::vector<float> weights;
  const auto& [encoder, decoder] = projection.model;
  for (const auto part : {encoder.network.parameters(), encoder.landmarks.view().span(),
                          decoder.grid.parameters(), decoder.network.parameters()})
    weights.insert(weights.end(), part.begin(), part.end());
  write_npy(folder / "weights.npy", weights);
}

void ViewWriter::write_landscapes(const Painting& painting, int epoch) {
  if (painting.extent_changed) ++revision_;
  extent_ = to_json(painting.extent.shown);
  const auto write_one = [&](int number, const Landscape& landscape) {
    const auto folder = folder_ / "territories" / std::to_string(revision_) / epoch_folder_name(number);
    fs::remove_all(folder);
    write_landscape(folder, landscape);
  };
  for (const auto& [number, landscape] : painting.repainted) write_one(number, landscape);
  write_one(epoch, painting.landscape);
}

void ViewWriter::write(const EpochOutcome& outcome) {
  Stopwatch watch;
  const EpochData& data = outcome.data;
  const auto folder = folder_ / "epochs" / ("." + epoch_folder_name(data.number) + ".writing");
  fs::remove_all(folder);  // left by a fit that was killed
  make_folder(folder);
  write_arrays(folder, outcome);
  write_json(folder / "metrics.json", to_json(outcome.measured.metrics));
  const int old_revision = revision_;
  write_landscapes(outcome.painting, data.number);

  Json json = outcome.projection.details;
  json["epoch"] = data.number;
  const auto& [encoder, decoder] = outcome.projection.model;
  json["encoder"] = encoder.network.widths();
  if (encoder.has_landmarks()) json["encoder_landmarks"] = encoder.landmarks.rows();
  json["decoder"] = decoder.network.widths();
  if (decoder.has_grid()) {
    const auto& box = decoder.grid.box();
    json["decoder_grid"] = {{"sizes", decoder.grid.sizes()}, {"box", {box.x0, box.y0, box.side}}};
  }
  json["seconds"] = outcome.seconds;
  json["seconds"]["write"] = watch.seconds();
  if (!outcome.job.is_null()) json["job"] = outcome.job;
  json["boundary_samples"] = data.boundary.size();
  json["boundary_from"] = data.boundary.from;
  json["neighbor_recall"] = data.neighbor_recall;
  json["feature_scale"] = data.feature_scale;
  json["bounds"] = to_json(outcome.painting.epoch_bounds);
  write_json(folder / "view_epoch.json", json);
  expect_whole_mappings(0);  // or what was computed of zeros would be published
  replace_folder(folder, epoch_folder(data.number));

  // Before view.json, so that a fit that is killed in between does them again.
  write_events(folder_ / "events.npy", outcome.events);
  if (!std::ranges::binary_search(epochs_, data.number)) {
    epochs_.push_back(data.number);
    std::sort(epochs_.begin(), epochs_.end());
  }
  json_["boundary_from"] = data.boundary.from;
  write_view();
  if (outcome.painting.extent_changed && old_revision > 0)
    fs::remove_all(folder_ / "territories" / std::to_string(old_revision));
}

}  // namespace dvi
