#include "run/view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "run/view_format.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

NpyArray open_array(const fs::path& file, DType dtype, std::initializer_list<int64_t> shape) {
  NpyArray array = NpyArray::open(file);
  array.expect_dtype({dtype});
  array.expect_shape(shape);
  return array;
}

void expect_finite(const NpyArray& array) {
  for (const float value : array.as<float>())
    if (!std::isfinite(value))
      fail("{}: expected finite numbers, found {}; run 'dvi fit' again", array.path().string(), value);
}

void expect_in_range(const NpyArray& array, int64_t low, int64_t high, const char* what) {
  for (const int32_t value : array.as<int32_t>())
    if (value < low || value >= high)
      fail("{}: expected {} from {} to {}, found {}; run 'dvi fit' again", array.path().string(), what, low,
           high - 1, value);
}

std::vector<int64_t> widths(const Json& json, const char* key, const fs::path& folder) {
  constexpr size_t most_layers = 64;
  constexpr int64_t most_wide = 1 << 20;
  std::vector<int64_t> list;
  if (json.is_object() && json.contains(key) && json[key].is_array() && json[key].size() <= most_layers)
    for (const Json& width : json[key])
      if (width.is_number_integer() && width > 0 && width <= most_wide) list.push_back(width.get<int64_t>());
  if (list.empty() || list.size() != json[key].size())
    fail("{}: expected \"{}\" to list the layer widths; run 'dvi fit' again",
         (folder / "view_epoch.json").string(), key);
  return list;
}

/// FNV-1a, as 16 hexadecimal digits.
std::string digest(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return fmt::format("{:016x}", hash);
}

}  // namespace

ViewEpoch::ViewEpoch(const fs::path& folder, int number, int64_t samples, int class_count)
    : folder_(folder),
      number_(number),
      samples_(samples),
      version_(file_version(folder / "view_epoch.json")),
      json_(read_json(folder / "view_epoch.json")) {
  positions_ = open_array(folder / "positions.npy", DType::f32, {samples, 2});
  if (fs::exists(folder / "encoder_positions.npy"))
    encoder_positions_ = open_array(folder / "encoder_positions.npy", DType::f32, {samples, 2});
  predictions_ = open_array(folder / "predictions.npy", DType::i32, {samples});
  confidence_ = open_array(folder / "confidence.npy", DType::f32, {samples});
  margin_ = open_array(folder / "margin.npy", DType::f32, {samples});
  runner_up_ = open_array(folder / "runner_up.npy", DType::i32, {samples});
  round_trip_ = open_array(folder / "round_trip.npy", DType::i32, {samples});
  kept_ = open_array(folder / "neighbors_kept.npy", DType::u8, {samples});
  if (fs::exists(folder / "moved.npy")) moved_ = open_array(folder / "moved.npy", DType::f32, {samples});
  boundary_positions_ = open_array(folder / "boundary_positions.npy", DType::f32, {-1, 2});
  boundary_classes_ =
      open_array(folder / "boundary_classes.npy", DType::i32, {boundary_positions_.rows(), 2});
  weights_ = open_array(folder / "weights.npy", DType::f32, {-1});
  // Everything that is later used as an index.
  for (const auto* classes : {&predictions_, &runner_up_, &round_trip_, &boundary_classes_})
    expect_in_range(*classes, 0, class_count, "classes");
  // And what is turned into whole numbers on the way to the page.
  for (const auto* numbers :
       {&positions_, &encoder_positions_, &confidence_, &margin_, &moved_, &boundary_positions_})
    if (!numbers->empty()) expect_finite(*numbers);
}

bool ViewEpoch::damaged() const {
  for (const auto* array :
       {&positions_, &encoder_positions_, &predictions_, &confidence_, &margin_, &runner_up_, &round_trip_,
        &kept_, &moved_, &boundary_positions_, &boundary_classes_, &weights_})
    if (array->damaged()) return true;
  const std::lock_guard lock(neighbor_mutex_);
  return neighbor_arrays_.features.damaged() || neighbor_arrays_.plane.damaged();
}

const ViewEpoch::NeighborArrays& ViewEpoch::neighbor_arrays() const {
  const std::lock_guard lock(neighbor_mutex_);
  if (neighbor_arrays_.plane.empty()) {
    auto features = open_array(folder_ / "neighbors.npy", DType::i32, {samples_, -1});
    auto plane = open_array(folder_ / "plane_neighbors.npy", DType::i32, {samples_, features.row_size()});
    for (const auto* ids : {&features, &plane}) expect_in_range(*ids, 0, samples_, "sample ids");
    neighbor_arrays_ = {std::move(features), std::move(plane)};
  }
  return neighbor_arrays_;
}

Json ViewEpoch::metrics() const {
  const auto file = folder_ / "metrics.json";
  return fs::exists(file) ? read_json(file) : Json();
}

std::span<const float> ViewEpoch::encoder_positions() const {
  return encoder_positions_.empty() ? positions() : encoder_positions_.as<float>();
}

std::vector<int64_t> ViewEpoch::encoder_widths() const { return widths(json_, "encoder", folder_); }
std::vector<int64_t> ViewEpoch::decoder_widths() const { return widths(json_, "decoder", folder_); }

int64_t ViewEpoch::encoder_landmarks() const {
  constexpr int64_t most = 1 << 16;
  if (!json_.contains("encoder_landmarks")) return 0;
  const Json& count = json_.at("encoder_landmarks");
  if (!count.is_number_integer() || count < 1 || count > most)
    fail(
        "{}: expected \"encoder_landmarks\" to be a number from 1 to {}, found {}; fit the view again with "
        "--force",
        (folder_ / "view_epoch.json").string(), most, count.dump());
  return count.get<int64_t>();
}

ViewEpoch::DecoderGrid ViewEpoch::decoder_grid() const {
  constexpr int most_levels = 16, largest = 4096;
  if (!json_.contains("decoder_grid")) return {};
  const Json& json = json_.at("decoder_grid");
  DecoderGrid grid;
  try {
    grid.sizes = json.at("sizes").get<std::vector<int>>();
    const auto box = json.at("box").get<std::array<float, 3>>();
    std::tie(grid.x0, grid.y0, grid.side) = std::tuple(box[0], box[1], box[2]);
  } catch (const Json::exception&) {
    grid.sizes.clear();
  }
  if (grid.sizes.empty() || std::ssize(grid.sizes) > most_levels || !(grid.side > 0) ||
      !std::ranges::all_of(grid.sizes, [](int size) { return size >= 1 && size <= largest; }))
    fail(
        "{}: expected \"decoder_grid\" with sizes from 1 to {} and a box of three numbers, found {}; fit the "
        "view again with --force",
        (folder_ / "view_epoch.json").string(), largest, json.dump());
  return grid;
}

View View::open(const Run& run, const std::string& name, const View* earlier) {
  View view;
  view.name_ = name;
  view.folder_ = run.view_folder(name);
  view.samples_ = run.manifest().sample_count();
  view.class_count_ = run.manifest().class_count();
  view.cache_ = earlier != nullptr ? earlier->cache_ : std::make_shared<Cache>();
  const auto file = view.folder_ / "view.json";
  if (!is_plain_name(name) || !fs::exists(file))
    fail("{}: expected a view named \"{}\", found none; make it with 'dvi fit {}{}'", run.folder().string(),
         name, run.folder().string(), name == "default" ? "" : " --view " + name);
  view.json_ = read_json(file);
  try {
    const Json& version = view.json_.at("version");
    if (view.json_.at("format") != "dvi-view" || !version.is_number_integer() || version < 1 ||
        version > view_version)
      fail("{}: expected a view of version 1 to {}, found another format; run 'dvi fit' again", file.string(),
           view_version);
    view.state_ = view.json_.at("state").get<std::string>();
    view.epochs_ = view.json_.at("epochs").get<std::vector<int>>();
    view.extent_ = view.json_.at("extent").get<std::array<double, 4>>();
  } catch (const Json::exception&) {
    fail(
        "{}: expected the keys \"format\", \"version\", \"state\", \"epochs\" and \"extent\" of a view; run "
        "'dvi fit' again",
        file.string());
  }
  std::sort(view.epochs_.begin(), view.epochs_.end());
  view.epochs_.erase(std::unique(view.epochs_.begin(), view.epochs_.end()), view.epochs_.end());
  if (!view.epochs_.empty() && (view.epochs_.front() < 0 || view.epochs_.back() > 999999))
    fail("{}: expected \"epochs\" to be numbers from 0 to 999999, found others; run 'dvi fit' again",
         file.string());
  if (!view.epochs_.empty() && (!(view.extent_[2] > view.extent_[0]) || !(view.extent_[3] > view.extent_[1])))
    fail("{}: expected \"extent\" to be [x0, y0, x1, y1] with x0 < x1 and y0 < y1; run 'dvi fit' again",
         file.string());

  // Browsers keep what the server answers under this key: it tells apart how answers are laid out as well (2:
  // a territory with its fade).
  std::string identity = "2" + view.json_["extent"].dump();
  for (const char* part : {"preset", "seed", "settings", "versions"})
    identity += view.json_.value(part, Json()).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (!view.epochs_.empty())
    identity += file_version(view.epoch_folder(view.epochs_.front()) / "view_epoch.json");
  view.key_ = digest(identity);
  return view;
}

fs::path View::epoch_folder(int number) const { return folder_ / "epochs" / epoch_folder_name(number); }

bool View::has_epoch(int number) const { return std::binary_search(epochs_.begin(), epochs_.end(), number); }

std::shared_ptr<const ViewEpoch> View::epoch(int number) const {
  if (!has_epoch(number)) {
    std::string list;
    for (const int e : epochs_) list += (list.empty() ? "" : ", ") + std::to_string(e);
    fail(
        "epoch {}: expected a fitted epoch of view \"{}\" ({}); fit it with 'dvi fit' or choose one of these",
        number, name_, list.empty() ? "it has none yet" : list);
  }
  const auto folder = epoch_folder(number);
  const std::string version = file_version(folder / "view_epoch.json");
  const std::lock_guard lock(cache_->mutex);
  Opened& opened = cache_->epochs[number];
  if (opened.epoch == nullptr || opened.version != version || opened.epoch->damaged())
    opened = {version, std::make_shared<const ViewEpoch>(folder, number, samples_, class_count_)};
  return opened.epoch;
}

std::optional<Territory> View::territory(int number) const {
  const Json spec = json_.value("territory", Json());
  if (!spec.is_object() || !spec.value("revision", Json()).is_number_integer()) return std::nullopt;
  const auto folder =
      folder_ / "territories" / std::to_string(spec["revision"].get<int64_t>()) / epoch_folder_name(number);
  if (!fs::exists(folder / "margin.npy")) return std::nullopt;
  Territory territory;
  territory.classes = open_array(folder / "class.npy", DType::u16, {-1, -1});
  territory.size = territory.classes.rows();
  territory.confidence = open_array(folder / "confidence.npy", DType::u8, {territory.size, territory.size});
  territory.margin = open_array(folder / "margin.npy", DType::u8, {territory.size, territory.size});
  if (territory.classes.row_size() != territory.size)
    fail("{}: expected a square grid, found {}; run 'dvi fit' again", territory.classes.path().string(),
         shape_text(territory.classes.shape()));
  for (const uint16_t c : territory.classes.as<uint16_t>())
    if (c >= class_count_)
      fail("{}: expected classes from 0 to {}, found {}; run 'dvi fit' again",
           territory.classes.path().string(), class_count_ - 1, c);
  return territory;
}

std::vector<Event> View::events() const {
  const auto file = folder_ / "events.npy";
  if (!fs::exists(file)) return {};
  auto events = read_events(file);
  for (const Event& event : events)
    if (event.sample < 0 || event.sample >= samples_ || event.from < 0 || event.from >= class_count_ ||
        event.to < 0 || event.to >= class_count_)
      fail(
          "{}: expected samples from 0 to {} and classes from 0 to {}, found an event of sample {} from "
          "class {} to {}; "
          "run 'dvi fit' again",
          file.string(), samples_ - 1, class_count_ - 1, event.sample, event.from, event.to);
  return events;
}

std::string default_view_name(const Run& run) {
  const auto names = run.view_names();
  if (names.empty())
    fail("{}: expected a fitted view, found none; run 'dvi fit {}' first", run.folder().string(),
         run.folder().string());
  return std::find(names.begin(), names.end(), "default") != names.end() ? "default" : names.front();
}

}  // namespace dvi
