// DVI v1: Training_data/training_dataset_{data,label}.pth, Testing_data/testing_dataset_{data,label}.pth,
// Model/Epoch_N/ or Model/Iteration_N/. Sample ids are those of the training pool, then those of the test
// set.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "import/source.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

struct Part {
  std::vector<int32_t> labels;
  std::optional<TorchTensor> data;
};

Part read_part(const SourceFolder& source, const fs::path& folder, const std::string& stem,
               ImportReport& report) {
  Part part;
  const fs::path labels = source.at(folder / (stem + "_label.pth"));
  const TorchTensor tensor = read_torch_tensor(labels);
  if (tensor.shape.size() != 1)
    fail("{}: expected one label a sample, found shape {}; save class numbers", labels.string(),
         shape_text(tensor.shape));
  for (const int64_t label : tensor.to_ints()) {
    if (label < 0 || label > 65534)
      fail("{}: expected class numbers from 0, found {} for sample {}; mend the labels", labels.string(),
           label, part.labels.size());
    part.labels.push_back(static_cast<int32_t>(label));
  }
  if (!source.has(folder / (stem + "_data.pth"))) {
    report.missing.push_back(stem + "_data.pth is not there: samples cannot be shown");
    return part;
  }
  const fs::path data = source.at(folder / (stem + "_data.pth"));
  part.data = read_torch_tensor(data);
  const auto& shape = part.data->shape;
  if (shape.empty() || shape[0] != static_cast<int64_t>(part.labels.size()))
    fail("{}: expected one row for each of the {} labels in {}, found shape {}", data.string(),
         part.labels.size(), labels.filename().string(), shape_text(shape));
  return part;
}

/// uint8 where the values are whole numbers that fit, float32 otherwise: what inputs.npy may hold.
void to_storable(TorchTensor& tensor) {
  if (tensor.dtype == DType::u8 || tensor.dtype == DType::f32) return;
  const bool whole = tensor.dtype != DType::f16 && tensor.dtype != DType::f64;
  const auto values = tensor.to_floats();
  if (whole && std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v <= 255; })) {
    tensor.bytes.resize(values.size());
    std::transform(values.begin(), values.end(), tensor.bytes.begin(),
                   [](float v) { return static_cast<std::byte>(static_cast<uint8_t>(v)); });
    tensor.dtype = DType::u8;
    return;
  }
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  tensor.dtype = DType::f32;
}

/// What axes mean, from where the channels can be.
InputSpec guess_spec(const std::vector<int64_t>& shape) {
  const auto channels = [&](size_t axis) { return shape[axis] == 1 || shape[axis] == 3 || shape[axis] == 4; };
  if (shape.size() == 3) return {"image", "NHW", std::nullopt, {}, {}};
  if (shape.size() == 4 && channels(1)) return {"image", "NCHW", std::nullopt, {}, {}};
  if (shape.size() == 4 && channels(3)) return {"image", "NHWC", std::nullopt, {}, {}};
  return {"row", "", std::nullopt, {}, {}};
}

void take_inputs(Source& source, Part train, Part test, ImportReport& report) {
  if (!train.data) return;
  if (test.labels.empty()) {  // no test set: nothing of it to show
    test.data = *train.data;
    test.data->shape[0] = 0;
    test.data->bytes.clear();
  }
  if (!test.data) return;
  to_storable(*train.data);
  if (!test.labels.empty())
    to_storable(*test.data);
  else
    test.data->dtype = train.data->dtype;
  if (train.data->dtype != test.data->dtype ||
      !std::equal(train.data->shape.begin() + 1, train.data->shape.end(), test.data->shape.begin() + 1,
                  test.data->shape.end())) {
    report.missing.push_back(
        fmt::format("the inputs are left out, since training data {} {} and testing data {} {} differ in "
                    "more than their number",
                    dtype_name(train.data->dtype), shape_text(train.data->shape),
                    dtype_name(test.data->dtype), shape_text(test.data->shape)));
    return;
  }
  source.input_dtype = train.data->dtype;
  source.input_shape = train.data->shape;
  source.input_shape[0] += test.data->shape[0];
  source.input_spec = guess_spec(source.input_shape);
  source.inputs = std::move(train.data->bytes);
  source.inputs.insert(source.inputs.end(), test.data->bytes.begin(), test.data->bytes.end());
  report.taken.push_back(fmt::format(
      "inputs {} {} as {}{}", dtype_name(source.input_dtype), shape_text(source.input_shape),
      source.input_spec->kind, source.input_spec->layout.empty() ? "" : " " + source.input_spec->layout));
}

/// index.json and old_labels.json: ids of samples with noisy labels, and the labels they had before.
void take_noise(Source& source, const SourceFolder& folder, int64_t pool, ImportReport& report) {
  if (!folder.has("index.json") || !folder.has("old_labels.json")) return;
  const fs::path ids_file = folder.at("index.json"), labels_file = folder.at("old_labels.json");
  const auto ids = read_ids(ids_file, pool);
  const auto labels = read_ids(labels_file, 65535);
  if (labels.size() != ids.size())
    fail("{}: expected one label for each of the {} ids in index.json, found {}", labels_file.string(),
         ids.size(), labels.size());
  std::vector<float> original(source.labels.begin(), source.labels.end()), noisy(source.labels.size(), 0.f);
  for (size_t i = 0; i < ids.size(); ++i) {
    original[static_cast<size_t>(ids[i])] = static_cast<float>(labels[i]);
    noisy[static_cast<size_t>(ids[i])] = 1.f;
  }
  source.columns["original_label"] = std::move(original);
  source.columns["is_noisy"] = std::move(noisy);
  report.taken.push_back(fmt::format("{} noisy labels as columns is_noisy and original_label", ids.size()));
}

/// One number a sample of a part, from a JSON list, or an object of id to number; nothing if the file is not
/// there.
std::optional<std::vector<float>> read_scores(const SourceFolder& folder, const fs::path& place,
                                              size_t count) {
  if (!folder.has(place)) return std::nullopt;
  const fs::path file = folder.at(place);
  const Json json = read_json(file);
  std::vector<float> scores(count, std::numeric_limits<float>::quiet_NaN());
  const auto set = [&](size_t i, const Json& value) {
    if (i >= count || !value.is_number())
      fail("{}: expected one number for each of {} samples, found {} for sample {}", file.string(), count,
           value.dump().substr(0, 40), i);
    scores[i] = value.get<float>();
  };
  if (json.is_array()) {
    if (json.size() != count)
      fail("{}: expected {} numbers, one a sample, found {}", file.string(), count, json.size());
    for (size_t i = 0; i < count; ++i) set(i, json[i]);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos)
        fail("{}: expected sample ids as keys, found \"{}\"", file.string(), key.substr(0, 40));
      set(static_cast<size_t>(std::stoi(key)), value);
    }
  } else {
    fail("{}: expected a list of numbers, found {}", file.string(), json.type_name());
  }
  return scores;
}

SourceEpoch read_epoch(const SourceFolder& source, const fs::path& folder, int number, int64_t pool,
                       int64_t tested) {
  SourceEpoch epoch;
  epoch.number = number;
  const Matrix train = read_features(source.at(folder / "train_data.npy"), pool),
               test = tested > 0 ? read_features(source.at(folder / "test_data.npy"), tested)
                                 : Matrix(0, train.cols());
  if (test.cols() != train.cols())
    fail("{}: expected {} dimensions as in train_data.npy, found {}",
         source.at(folder / "test_data.npy").string(), train.cols(), test.cols());
  epoch.features = Matrix(pool + tested, train.cols());
  std::copy(train.data(), train.data() + pool * train.cols(), epoch.features.data());
  if (tested > 0) std::copy(test.data(), test.data() + tested * train.cols(), epoch.features.row(pool));
  if (source.has(folder / "subject_model.pth")) {
    epoch.state = folder / "subject_model.pth";
    epoch.keep.push_back(*epoch.state);
  }
  if (source.has(folder / "index.json"))
    epoch.training_set = read_ids(source.at(folder / "index.json"), pool);
  if (source.has(folder / "border_centers.npy")) {
    epoch.boundary_features = read_features(source.at(folder / "border_centers.npy"), -1);
    if (source.has(folder / "ori_border_centers.npy"))
      epoch.boundary_inputs = folder / "ori_border_centers.npy";
  }
  for (const char* file : {"test_index.json", "test_border_centers.npy"})
    if (source.has(folder / file)) epoch.keep.push_back(folder / file);
  for (const char* score : {"uncertainty", "dis", "total"}) {
    const auto of_pool =
        read_scores(source, folder / fmt::format("train_{}_score.json", score), static_cast<size_t>(pool));
    const auto of_test = tested > 0 ? read_scores(source, folder / fmt::format("test_{}_score.json", score),
                                                  static_cast<size_t>(tested))
                                    : std::nullopt;
    if (!of_pool && !of_test) continue;
    const auto none = [](int64_t n) {
      return std::vector<float>(static_cast<size_t>(n), std::numeric_limits<float>::quiet_NaN());
    };
    auto column = of_pool.value_or(none(pool));
    const auto second = of_test.value_or(none(tested));
    column.insert(column.end(), second.begin(), second.end());
    epoch.columns[std::string(score) + "_score"] = std::move(column);
  }
  return epoch;
}

/// What folders of epochs begin with: what config.json says, if there are such, else the word before a number
/// that the most folders with features have; "Epoch_" where there are none.
std::string epoch_prefix(const SourceFolder& folder, const std::string& configured) {
  if (!configured.empty() && !numbered_folders(folder, "Model", configured + "_").empty())
    return configured + "_";
  std::map<std::string, int> found;
  for (const auto& entry : fs::directory_iterator(folder.at("Model"))) {
    const std::string name = entry.path().filename().string();
    const size_t digits = name.find_last_not_of("0123456789") + 1;
    if (digits > 0 && digits < name.size() && folder.has(fs::path("Model") / name / "train_data.npy"))
      ++found[name.substr(0, digits)];
  }
  if (found.empty()) return "Epoch_";
  return std::ranges::max_element(found, {}, [](const auto& f) { return f.second; })->first;
}

}  // namespace

bool is_v1(const SourceFolder& folder) {
  return folder.has("Training_data/training_dataset_label.pth") && folder.has_folder("Model");
}

Source open_v1(const SourceFolder& folder, ImportReport& report) {
  Part train = read_part(folder, "Training_data", "training_dataset", report);
  Part test;
  if (folder.has("Testing_data/testing_dataset_label.pth"))
    test = read_part(folder, "Testing_data", "testing_dataset", report);
  else
    report.missing.push_back(
        "Testing_data/testing_dataset_label.pth is not there: there are training samples only");
  const auto pool = static_cast<int64_t>(train.labels.size()),
             tested = static_cast<int64_t>(test.labels.size());
  if (pool == 0)
    fail("{}: expected training samples, found none", (folder.root() / "Training_data").string());

  Source source;
  source.layout = "v1";
  source.labels = train.labels;
  source.labels.insert(source.labels.end(), test.labels.begin(), test.labels.end());
  source.groups = {{"train", "train", 0, pool}};
  if (tested > 0) source.groups.push_back({"test", "test", pool, tested});
  const int32_t most = *std::max_element(source.labels.begin(), source.labels.end());
  const SourceConfig config = read_config(folder, report);
  source.classes = class_names(config.classes, "config.json", most, folder.root() / "Training_data", report);
  if (config.file) source.keep.push_back(*config.file);
  report.taken.push_back(fmt::format("{} training and {} testing samples with labels", pool, tested));
  take_inputs(source, std::move(train), std::move(test), report);
  take_noise(source, folder, pool, report);
  if (folder.has("Model/model.py")) source.keep.push_back("Model/model.py");
  source.epochs = epochs_with(numbered_folders(folder, "Model", epoch_prefix(folder, config.epoch_name)),
                              folder, "train_data.npy", report);
  if (tested > 0) source.epochs = epochs_with(std::move(source.epochs), folder, "test_data.npy", report);
  source.read_epoch = [folder, pool, tested](int number, const fs::path& place) {
    return read_epoch(folder, place, number, pool, tested);
  };
  return source;
}

}  // namespace dvi
