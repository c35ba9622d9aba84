#include "fit/view_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "landscape/plane_classifier.h"
#include "linalg/gemm.h"
#include "metrics/events.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

constexpr int territory_size = 400;

void write_ints(const fs::path& file, const std::vector<int32_t>& values, int64_t cols) {
  const int64_t shape[] = {static_cast<int64_t>(values.size()) / std::max<int64_t>(1, cols), cols};
  write_npy(file, shape, std::span<const int32_t>(values));
}

Json seconds_json(const EpochData& data, const Projection& projection) {
  Json json = data.seconds;
  for (const auto& [stage, seconds] : projection.seconds) json[stage] = seconds;
  return json;
}

}  // namespace

ViewWriter::ViewWriter(const Run& run, const FitOptions& options, const Json& settings)
    : run_(run), folder_(run.view_folder(options.view)) {
  if (!is_plain_name(options.view))
    fail("--view {}: expected a name that can name a folder (no slash or backslash, no leading dot)",
         options.view);
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

  const std::string preset = options.preset == Preset::paper ? "paper" : "default";
  const auto file = folder_ / "view.json";
  if (fs::exists(file) && options.force) {
    for (const char* part : {"view.json", "epochs", "territories", "events.npy"})
      fs::remove_all(folder_ / part);
    make_folder(folder_ / "epochs");
  }
  if (fs::exists(file)) {
    json_ = read_json(file);
    if (json_.value("preset", "") != preset || json_.value("seed", uint64_t{0}) != options.seed ||
        json_.value("settings", Json()) != settings)
      fail(
          "{}: expected a view of preset \"{}\", seed {} and today's settings, found other ones; choose "
          "another --view or fit anew with --force",
          file.string(), preset, options.seed);
    const View view = View::open(run, options.view);
    for (const int epoch : view.epoch_numbers())
      if (fs::exists(epoch_folder(epoch) / "view_epoch.json")) {
        epochs_.push_back(epoch);
        const Extent bounds = extent_from_json(view.epoch(epoch)->json().at("bounds"));
        bounds_ = bounds_ ? united(*bounds_, bounds) : bounds;
      }
    if (!epochs_.empty()) extent_ = extent_from_json(json_.at("extent"));
    revision_ = json_.at("territory").value("revision", 0);
  }
  remove_what_killed_fits_left();
  json_["format"] = "dvi-view";
  json_["version"] = 1;
  json_["name"] = options.view;
  json_["preset"] = preset;
  json_["seed"] = options.seed;
  json_["threads"] = threads();
  json_["settings"] = settings;
  json_["versions"] = {{"dvi", DVI_VERSION},
                       {"onednn", onednn_version()},
                       {"isa", onednn_isa()},
                       {"precision", best_precision() == Precision::bf16 ? "bf16" : "f32"}};
  set_state(options.follow ? "following" : "fitting");
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
fs::path ViewWriter::writing_folder(int epoch) const {
  return folder_ / "epochs" / ("." + epoch_folder_name(epoch) + ".writing");
}

void ViewWriter::set_state(const std::string& state) {
  json_["state"] = state;
  write_view();
}

void ViewWriter::write_view() {
  json_["epochs"] = epochs_;
  json_["extent"] = extent_ ? to_json(*extent_) : Json::array({0, 0, 1, 1});
  json_["territory"] = {{"revision", revision_}, {"size", territory_size}};
  write_json(folder_ / "view.json", json_);
}

void ViewWriter::write_epoch(const EpochData& data, const Projection& projection, const Measured& measured) {
  const auto folder = writing_folder(data.number);
  fs::remove_all(folder);  // left by a fit that was killed
  make_folder(folder);
  write_npy(folder / "positions.npy", projection.positions);
  if (!projection.shows_encoder) write_npy(folder / "encoder_positions.npy", measured.encoder_positions);
  if (projection.draft.rows() > 0) write_npy(folder / "draft_positions.npy", projection.draft);
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
  write_npy(folder / "boundary_positions.npy", projection.boundary_positions);
  std::vector<int32_t> classes;
  for (const auto& pair : data.boundary.classes) classes.insert(classes.end(), pair.begin(), pair.end());
  write_ints(folder / "boundary_classes.npy", classes, 2);
  std::vector<uint16_t> half;
  const auto features = data.boundary.features.view().span();
  half.reserve(features.size());
  for (const float f : features) half.push_back(float_to_half(f));
  const int64_t shape[] = {data.boundary.size(), data.features.cols()};
  write_npy(folder / "boundary_features.npy", DType::f16, shape, half.data());
  std::vector<float> weights(projection.model.encoder.parameters().begin(),
                             projection.model.encoder.parameters().end());
  weights.insert(weights.end(), projection.model.decoder.parameters().begin(),
                 projection.model.decoder.parameters().end());
  write_npy(folder / "weights.npy", weights);
}

void ViewWriter::paint_into(const fs::path& folder, const Mlp& decoder, SubjectModel& subject,
                            Landscape* out) const {
  Landscape landscape = PlaneClassifier(decoder, subject).paint(*extent_, territory_size);
  fs::remove_all(folder);
  write_landscape(folder, landscape);
  if (out != nullptr) *out = std::move(landscape);
}

void ViewWriter::publish(EpochData& data, const Projection& projection, Measured& measured) {
  Stopwatch watch;
  const Extent bounds = bounds_of(projection.positions);
  bounds_ = bounds_ ? united(*bounds_, bounds) : bounds;
  const Extent extent = extent_ ? grown(*extent_, bounds, *bounds_) : square_around(*bounds_);
  const int old_revision = revision_;
  const bool all = !extent_ || !(*extent_ == extent);
  extent_ = extent;
  if (all) ++revision_;
  const auto territories = folder_ / "territories" / std::to_string(revision_);
  if (all)
    for (const int epoch : epochs_) {
      if (epoch == data.number) continue;
      const ViewEpoch fitted(epoch_folder(epoch), epoch, data.features.rows(),
                             static_cast<int>(data.logits.cols()));
      const auto subject = open_subject(run_, run_.epoch(epoch));
      paint_into(territories / epoch_folder_name(epoch), load_autoencoder(fitted).decoder, *subject, nullptr);
    }
  Landscape landscape;
  paint_into(territories / epoch_folder_name(data.number), projection.model.decoder, *data.subject,
             &landscape);
  if (projection.evaluation_boundary_positions.rows() > 0)
    measured.metrics.boundary.keep_boundary =
        keep_boundary(landscape, extent, projection.evaluation_boundary_positions);
  data.seconds["landscape"] = watch.lap();

  const auto folder = writing_folder(data.number);
  write_json(folder / "metrics.json", to_json(measured.metrics));
  Json json = projection.details;
  json["epoch"] = data.number;
  json["encoder"] = projection.model.encoder.widths();
  json["decoder"] = projection.model.decoder.widths();
  json["seconds"] = seconds_json(data, projection);
  json["boundary_samples"] = data.boundary.size();
  json["boundary_from"] = data.boundary.from;
  json["neighbor_recall"] = data.neighbor_recall;
  json["bounds"] = to_json(bounds);
  write_json(folder / "view_epoch.json", json);
  expect_whole_mappings(0);  // or what was computed of zeros would be published
  replace_folder(folder, epoch_folder(data.number));

  epochs_.push_back(data.number);
  std::sort(epochs_.begin(), epochs_.end());
  json_["boundary_from"] = data.boundary.from;
  write_view();
  if (all && old_revision > 0) fs::remove_all(folder_ / "territories" / std::to_string(old_revision));
}

void ViewWriter::update_events(const EpochData& data) {
  const auto file = folder_ / "events.npy";
  std::vector<Event> events = fs::exists(file) ? read_events(file) : std::vector<Event>{};
  const int64_t n = data.features.rows();
  const int classes = static_cast<int>(data.logits.cols());
  const auto state_of = [n](const ViewEpoch& e) {
    return EventState{e.number(), e.predictions(), e.confidence(), {e.positions().data(), n, 2}};
  };
  const auto at = std::lower_bound(epochs_.begin(), epochs_.end(), data.number);
  const ViewEpoch now(epoch_folder(data.number), data.number, n, classes);
  if (at != epochs_.begin()) {
    const ViewEpoch earlier(epoch_folder(*(at - 1)), *(at - 1), n, classes);
    replace_events(events, data.number,
                   find_events(state_of(earlier), state_of(now), data.logits, run_.labels()));
  }
  if (at + 1 != epochs_.end()) {
    const ViewEpoch later(epoch_folder(*(at + 1)), *(at + 1), n, classes);
    const Epoch epoch = run_.epoch(later.number());
    const auto subject = open_subject(run_, epoch);
    const Matrix logits = epoch_logits(epoch, epoch.features(), *subject);
    replace_events(events, later.number(),
                   find_events(state_of(now), state_of(later), logits, run_.labels()));
  }
  write_events(file, events);
}

PreviousEpoch ViewWriter::load_previous(int epoch) const {
  const ViewEpoch fitted(epoch_folder(epoch), epoch, run_.manifest().sample_count(),
                         run_.manifest().class_count());
  PreviousEpoch previous;
  previous.number = epoch;
  previous.model = load_autoencoder(fitted);
  previous.positions = Matrix(run_.manifest().sample_count(), 2);
  std::copy(fitted.positions().begin(), fitted.positions().end(), previous.positions.data());
  EarlierEpoch& earlier = previous.earlier;
  if (const auto file = epoch_folder(epoch) / "draft_positions.npy"; fs::exists(file)) {
    const NpyArray draft = NpyArray::open(file);
    draft.expect_dtype({DType::f32});
    draft.expect_shape({run_.manifest().sample_count(), 2});
    earlier.draft = draft.to_matrix();
  }
  earlier.predictions.assign(fitted.predictions().begin(), fitted.predictions().end());
  earlier.neighbors.assign(fitted.neighbors().begin(), fitted.neighbors().end());
  earlier.neighbor_count = fitted.neighbor_count();
  return previous;
}

}  // namespace dvi
