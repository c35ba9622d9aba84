// time-travelling-visualizer: dataset/{info.json,labels.npy,index.json,image/,text.txt}, epochs/epoch_K/. Its
// index.json may mix training and test samples in any order; a run has one after the other, so samples are
// reordered and column source_index tells where each was.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/file.h"
#include "image/png.h"
#include "import/source.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// [N]: source row of each sample of the run; fills source.groups.
std::vector<int32_t> read_order(const SourceFolder& folder, int64_t count, Source& source,
                                ImportReport& report) {
  std::vector<int32_t> order;
  if (!folder.has("dataset/index.json")) {
    order.resize(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    source.groups = {{"train", "train", 0, count}};
    report.missing.push_back("dataset/index.json is not there: all samples are taken for training samples");
    return order;
  }
  const fs::path file = folder.at("dataset/index.json");
  const Json json = read_json(file);
  std::vector<char> seen(static_cast<size_t>(count), 0);
  for (const char* role : {"train", "test"}) {
    if (!json.is_object() || !json.contains(role) || !json[role].is_array())
      fail("{}: expected lists \"train\" and \"test\" of sample ids, found no \"{}\"", file.string(), role);
    const auto begin = static_cast<int64_t>(order.size());
    for (const Json& id : json[role]) {
      if (!id.is_number_integer() || id < 0 || id >= count)
        fail("{}: expected sample ids from 0 to {}, found {} in \"{}\"", file.string(), count - 1,
             id.dump().substr(0, 40), role);
      if (seen[id.get<size_t>()]++ != 0)
        fail("{}: expected every sample once, found {} twice", file.string(), id.get<int64_t>());
      order.push_back(id.get<int32_t>());
    }
    if (static_cast<int64_t>(order.size()) > begin)
      source.groups.push_back({role, role, begin, static_cast<int64_t>(order.size()) - begin});
  }
  const auto begin = static_cast<int64_t>(order.size());
  for (int32_t id = 0; id < count; ++id)
    if (seen[static_cast<size_t>(id)] == 0) order.push_back(id);
  if (begin < count) {
    source.groups.push_back({"other", "other", begin, count - begin});
    report.missing.push_back(
        fmt::format("{} samples are in neither list of dataset/index.json: they form the group \"other\"",
                    count - begin));
  }
  return order;
}

/// A few kilobytes of PNG can hold a gigabyte of one colour; photographs and drawings hold at most some
/// hundred times their file's size.
constexpr int64_t most_growth = 100, most_small = int64_t{1} << 30;

void take_images(Source& source, const SourceFolder& folder, const std::vector<int32_t>& order,
                 ImportReport& report) {
  if (!folder.has_folder("dataset/image")) return;
  const auto place = [](int32_t id) { return fs::path("dataset/image") / fmt::format("{}.png", id); };
  for (const int32_t id : order)
    if (!folder.has(place(id))) {
      report.missing.push_back(
          fmt::format("the images are left out, since dataset/image/{}.png is not there", id));
      return;
    }
  // Sizes first, from the front of each file.
  const PictureSize first = read_png_size(folder.at(place(order[0])));
  int64_t channels = 1, files = 0;
  for (const int32_t id : order) {
    const PictureSize size = read_png_size(folder.at(place(id)));
    if (size.height != first.height || size.width != first.width) {
      report.missing.push_back(
          fmt::format("the images are left out, since {}.png has {} x {} pixels and {}.png {} x {}", order[0],
                      first.width, first.height, id, size.width, size.height));
      return;
    }
    // Runs hold no grey images with transparency: those count as colour with transparency.
    channels = std::max(channels, size.channels == 2 ? 4 : size.channels);
    files += size.file_bytes;
  }
  const int64_t all = static_cast<int64_t>(order.size()) * first.height * first.width * channels;
  if (all > most_small && all / most_growth > files)
    fail(
        "{}: expected images of at most {} times the size of their files, found {} MB in files of {} MB; "
        "scale them down",
        folder.at("dataset/image").string(), most_growth, all >> 20, files >> 20);
  source.inputs.resize(static_cast<size_t>(all));
  std::byte* out = source.inputs.data();
  for (const int32_t id : order) {
    const Picture image = read_png(folder.at(place(id)), static_cast<int>(channels));
    if (image.height != first.height || image.width != first.width)
      fail("{}: expected {} x {} pixels, found {} x {}: the file was changed meanwhile, import again",
           folder.at(place(id)).string(), first.width, first.height, image.width, image.height);
    std::memcpy(out, image.values.data(), image.values.size());
    out += image.values.size();
  }
  source.input_dtype = DType::u8;
  source.input_shape = {static_cast<int64_t>(order.size()), first.height, first.width};
  if (channels > 1) source.input_shape.push_back(channels);
  source.input_spec = InputSpec{"image", channels > 1 ? "NHWC" : "NHW", std::nullopt, {}, {}};
  report.taken.push_back(fmt::format("images {}", shape_text(source.input_shape)));
}

void take_texts(Source& source, const SourceFolder& folder, const std::vector<int32_t>& order,
                ImportReport& report) {
  if (!folder.has("dataset/text.txt")) return;
  const std::string text = read_file(folder.at("dataset/text.txt"));
  std::vector<std::string_view> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  if (lines.size() != order.size()) {
    report.missing.push_back(
        fmt::format("the texts are left out, since dataset/text.txt has {} lines for {} samples",
                    lines.size(), order.size()));
    return;
  }
  if (source.input_spec) {
    report.missing.push_back("dataset/text.txt is left out, since the samples are shown as images");
    return;
  }
  for (const int32_t id : order) source.texts.append(lines[static_cast<size_t>(id)]).append("\n");
  source.input_spec = InputSpec{"text", "", std::nullopt, {}, {}};
  report.taken.push_back(fmt::format("{} texts", lines.size()));
}

SourceEpoch read_epoch(const SourceFolder& source, const fs::path& folder, int number,
                       const std::vector<int32_t>& order, int64_t classes) {
  SourceEpoch epoch;
  epoch.number = number;
  const auto count = static_cast<int64_t>(order.size());
  epoch.features = gather_rows(read_features(source.at(folder / "embeddings.npy"), count), order);
  if (source.has(folder / "predictions.npy")) {
    const fs::path file = source.at(folder / "predictions.npy");
    const Matrix logits = read_features(file, count);
    if (logits.cols() != classes)
      fail("{}: expected logits of {} classes as in dataset/info.json, found shape ({}, {})", file.string(),
           classes, logits.rows(), logits.cols());
    epoch.logits = gather_rows(logits, order);
  }
  if (source.has(folder / "model.pth")) {
    epoch.state = folder / "model.pth";
    epoch.keep.push_back(*epoch.state);
  }
  return epoch;
}

}  // namespace

bool is_ttv(const SourceFolder& folder) {
  return folder.has("dataset/labels.npy") && folder.has_folder("epochs");
}

Source open_ttv(const SourceFolder& folder, ImportReport& report) {
  Source source;
  source.layout = "ttv";
  const fs::path labels_file = folder.at("dataset/labels.npy");
  const NpyArray array = NpyArray::open(labels_file);
  array.expect_shape({-1});
  const auto labels = array.to_ints();
  if (labels.empty()) fail("{}: expected at least one sample, found none", labels_file.string());

  const bool described = folder.has("dataset/info.json");
  const Json json = described ? read_json(folder.at("dataset/info.json")) : Json::object();
  const SourceConfig config = read_config(folder, report);
  if (config.file) source.keep.push_back(*config.file);
  if (json.is_object() && json.contains("classes") && json["classes"].is_array()) {
    for (const Json& name : json["classes"])
      source.classes.push_back(name.is_string() ? name.get<std::string>() : name.dump());
    report.taken.push_back(fmt::format("names of {} classes", source.classes.size()));
  } else {
    source.classes = class_names(config.classes, config.classes.empty() ? "dataset/info.json" : "config.json",
                                 *std::max_element(labels.begin(), labels.end()), labels_file, report);
  }
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < -1 || labels[i] >= static_cast<int64_t>(source.classes.size()))
      fail("{}: expected labels from 0 to {}, found {} for sample {}; info.json names {} classes",
           labels_file.string(), source.classes.size() - 1, labels[i], i, source.classes.size());

  const auto order = read_order(folder, static_cast<int64_t>(labels.size()), source, report);
  for (const int32_t id : order) source.labels.push_back(labels[static_cast<size_t>(id)]);
  if (!std::is_sorted(order.begin(), order.end())) {
    source.columns["source_index"] = {order.begin(), order.end()};
    report.taken.push_back(
        "samples reordered, training samples first; column source_index holds their former rows");
  }
  report.taken.push_back(fmt::format("{} samples with labels", labels.size()));
  take_images(source, folder, order, report);
  take_texts(source, folder, order, report);
  if (!source.input_spec) report.missing.push_back("images or texts: samples cannot be shown");
  for (const char* file : {"dataset/info.json", "scripts/model.py"})
    if (folder.has(file)) source.keep.push_back(file);

  source.epochs = epochs_with(numbered_folders(folder, "epochs", "epoch_"), folder, "embeddings.npy", report);
  const auto classes = static_cast<int64_t>(source.classes.size());
  source.read_epoch = [folder, order, classes](int number, const fs::path& place) {
    return read_epoch(folder, place, number, order, classes);
  };
  return source;
}

}  // namespace dvi
