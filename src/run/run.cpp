#include "run/run.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/parallel.h"
#include "run/epoch_names.h"
#include "run/feature_scale.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// Reads the fields of one JSON object; every complaint names the file and the field.
class Fields {
 public:
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail("{}: expected a JSON object, found {}", where_, shown(json));
  }

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  const Json& get(const char* key) const {
    if (!has(key))
      fail("{}: expected the key \"{}\", found none; add it (see docs/reference/run-format.md)", where_, key);
    return json_[key];
  }
  std::string text(const char* key) const {
    const Json& value = get(key);
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
      bad(key, "a text that is not empty", value);
    return value.get<std::string>();
  }
  std::string one_of(const char* key, std::initializer_list<const char*> words) const {
    std::string list;
    for (const char* word : words) {
      if (get(key) == word) return word;
      list += (list.empty() ? "\"" : " or \"") + std::string(word) + "\"";
    }
    bad(key, list, get(key));
  }
  int64_t whole(const char* key, int64_t low, int64_t high) const {
    const Json& value = get(key);
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(high)) &&
                      value.get<int64_t>() >= low && value.get<int64_t>() <= high;
    if (!fits) bad(key, fmt::format("a whole number from {} to {}", low, high), value);
    return value.get<int64_t>();
  }
  double number(const char* key) const {
    if (!get(key).is_number()) bad(key, "a number", get(key));
    return get(key).get<double>();
  }
  /// A number, or a list of numbers.
  std::vector<double> numbers(const char* key) const {
    const Json& value = get(key);
    if (value.is_number()) return {value.get<double>()};
    std::vector<double> list;
    if (value.is_array())
      for (const Json& item : value)
        if (item.is_number()) list.push_back(item.get<double>());
    if (list.empty() || list.size() != value.size()) bad(key, "a number or a list of numbers", value);
    return list;
  }
  const Json& list(const char* key) const {
    if (!get(key).is_array()) bad(key, "a list", get(key));
    return get(key);
  }

  [[noreturn]] void bad(const char* key, const std::string& expected, const Json& found) const {
    fail("{}: expected \"{}\" to be {}, found {}", where_, key, expected, shown(found));
  }

 private:
  static std::string shown(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
  }
  const Json& json_;
  std::string where_;
};

InputSpec read_inputs(const Json& json, const std::string& file) {
  const Fields fields(json, file + ": \"inputs\"");
  InputSpec spec;
  spec.kind = fields.one_of("kind", {"image", "series", "text", "row"});
  if (spec.kind == "series") spec.layout = fields.one_of("layout", {"NTC", "NCT"});
  if (spec.kind == "image") spec.layout = fields.one_of("layout", {"NHWC", "NCHW", "NHW"});
  if (fields.has("scale")) spec.scale = fields.number("scale");
  if (fields.has("mean")) spec.mean = fields.numbers("mean");
  if (fields.has("std")) spec.std = fields.numbers("std");
  for (const double s : spec.std)
    if (!(s > 0)) fields.bad("std", "greater than 0", json["std"]);
  return spec;
}

std::vector<Group> read_groups(const Json& list, const std::string& file) {
  std::vector<Group> groups;
  std::set<std::string> names;
  int64_t next = 0;
  for (const Json& item : list) {
    const std::string where = fmt::format("{}: \"groups\"[{}]", file, groups.size());
    const Fields fields(item, where);
    // Sample ids are int32 in the arrays of a view.
    constexpr int64_t most = (int64_t{1} << 31) - 1;
    Group group{fields.text("name"), fields.text("role"), fields.whole("begin", 0, most),
                fields.whole("count", 1, most)};
    if (!is_plain_name(group.name))
      fail("{}: expected a \"name\" that can name a file (no slash, no leading dot), found \"{}\"", where,
           group.name);
    if (!names.insert(group.name).second)
      fail("{}: expected names that are used once, found \"{}\" again; rename one of the groups", where,
           group.name);
    if (group.begin != next)
      fail(
          "{}: expected \"{}\" to begin at {}, where the group before it ends, found {}; groups cover the "
          "samples in order without gaps",
          where, group.name, next, group.begin);
    next = group.end();
    if (next > most) fail("{}: expected at most {} samples in all, found {}", where, most, next);
    groups.push_back(std::move(group));
  }
  if (groups.empty()) fail("{}: expected at least one group in \"groups\", found none", file);
  return groups;
}

std::vector<std::string> column_names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing))
    if (entry.path().extension() == ".npy" && is_plain_name(entry.path().stem().string()))
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Of a column of categories every value is a name's number, or NaN or -1 for none.
std::vector<float> read_column(const fs::path& file, int64_t samples, std::optional<int64_t> categories) {
  const NpyArray array = NpyArray::open(file);
  array.expect_shape({samples});
  auto values = array.to_floats();
  if (!categories) return values;
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    const bool fits = std::isnan(value) ||
                      (value >= -1 && value < static_cast<float>(*categories) && std::trunc(value) == value);
    if (!fits)
      fail(
          "{}: expected whole numbers from 0 to {}, one for each of its \"categories\" in run.json, or -1 "
          "for none, found "
          "{} for sample {}",
          file.string(), *categories - 1, value, i);
  }
  return values;
}

/// FNV-1a.
uint64_t digest(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

/// The array as a float32 matrix of the given shape; float16 is converted.
Matrix read_floats(const fs::path& file, int64_t rows, int64_t cols) {
  const NpyArray array = NpyArray::open(file);
  array.expect_dtype({DType::f32, DType::f16});
  array.expect_shape({rows, cols});
  return array.to_matrix();
}

/// One row of a float32 or float16 matrix.
std::vector<float> row_of(const NpyArray& array, int64_t sample) {
  if (sample < 0 || sample >= array.rows())
    fail("sample {}: expected an id from 0 to {}", sample, array.rows() - 1);
  const auto d = static_cast<size_t>(array.row_size()), begin = static_cast<size_t>(sample) * d;
  std::vector<float> row(d);
  if (array.dtype() == DType::f32) {
    std::copy_n(reinterpret_cast<const float*>(array.bytes()) + begin, d, row.begin());
  } else {
    const auto* halves = reinterpret_cast<const uint16_t*>(array.bytes()) + begin;
    std::transform(halves, halves + d, row.begin(), half_to_float);
  }
  return row;
}

}  // namespace

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 200 || name[0] == '.') return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 32; });
}

std::vector<int32_t> Manifest::ids_of_role(const std::string& role) const {
  std::vector<int32_t> ids;
  for (const Group& group : groups)
    if (group.role == role)
      for (int64_t id = group.begin; id < group.end(); ++id) ids.push_back(static_cast<int32_t>(id));
  return ids;
}

const Group& Manifest::group_of(int64_t sample) const {
  if (sample < 0 || sample >= sample_count())
    fail("sample {}: expected an id from 0 to {}", sample, sample_count() - 1);
  return *std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return sample < g.end(); });
}

std::optional<int64_t> Manifest::category_count(const std::string& column) const {
  const auto spec = columns.find(column);
  if (spec == columns.end() || !spec->is_object() || !spec->contains("categories") ||
      !(*spec)["categories"].is_array())
    return std::nullopt;
  return static_cast<int64_t>((*spec)["categories"].size());
}

Manifest Manifest::from_json(const Json& json, const fs::path& path) {
  const std::string file = path.string();
  const Fields fields(json, file);
  fields.one_of("format", {"dvi-run"});
  if (fields.get("version") != 1 && fields.get("version") != 2)
    fail("{}: expected \"version\" 1 or 2, found {}; this run was written for a newer dvi, use that one",
         file, fields.get("version").dump());

  Manifest manifest;
  manifest.name = fields.text("name");
  std::set<std::string> names;
  for (const Json& name : fields.list("classes")) {
    if (!name.is_string()) fields.bad("classes", "a list of texts", json["classes"]);
    manifest.classes.push_back(name.get<std::string>());
    if (!names.insert(manifest.classes.back()).second)
      fail("{}: expected class names that are used once, found \"{}\" again in \"classes\"", file,
           manifest.classes.back());
  }
  if (manifest.classes.size() < 2 || manifest.classes.size() > 65535)
    fail("{}: expected from 2 to 65535 names in \"classes\", found {}; a classifier tells classes apart",
         file, manifest.classes.size());
  manifest.feature_dim = fields.whole("feature_dim", 2, 4096);
  manifest.groups = read_groups(fields.list("groups"), file);
  if (fields.has("inputs")) manifest.inputs = read_inputs(json["inputs"], file);
  const Fields subject(fields.get("subject"), file + ": \"subject\"");
  manifest.subject = subject.one_of("kind", {"torchscript", "linear-head"}) == "torchscript"
                         ? SubjectKind::torchscript
                         : SubjectKind::linear_head;
  if (fields.has("columns")) {
    manifest.columns = json["columns"];
    if (!manifest.columns.is_object()) fields.bad("columns", "an object", manifest.columns);
  }
  if (fields.has("finished")) {
    if (!json["finished"].is_boolean()) fields.bad("finished", "true or false", json["finished"]);
    manifest.finished = json["finished"].get<bool>();
  }
  return manifest;
}

Json Manifest::to_json() const {
  Json json = {{"format", "dvi-run"},
               {"version", 2},
               {"name", name},
               {"classes", classes},
               {"feature_dim", feature_dim}};
  json["groups"] = Json::array();
  for (const Group& g : groups)
    json["groups"].push_back({{"name", g.name}, {"role", g.role}, {"begin", g.begin}, {"count", g.count}});
  if (inputs) {
    Json& spec = json["inputs"] = {{"kind", inputs->kind}};
    if (!inputs->layout.empty()) spec["layout"] = inputs->layout;
    if (inputs->scale) spec["scale"] = *inputs->scale;
    if (!inputs->mean.empty()) spec["mean"] = inputs->mean;
    if (!inputs->std.empty()) spec["std"] = inputs->std;
  }
  json["subject"] = {{"kind", subject == SubjectKind::torchscript ? "torchscript" : "linear-head"}};
  if (!columns.empty()) json["columns"] = columns;
  if (finished) json["finished"] = true;
  return json;
}

std::string epoch_folder_name(int epoch) { return fmt::format("{:06d}", epoch); }

Epoch::Epoch(fs::path folder, int number, std::shared_ptr<const Manifest> manifest)
    : folder_(std::move(folder)), number_(number), manifest_(std::move(manifest)) {
  const auto file = folder_ / "epoch.json";
  scalars_ = read_json(file);
  if (!scalars_.is_object() || !scalars_.contains("epoch") || scalars_["epoch"] != number)
    fail("{}: expected \"epoch\": {}, the number in the folder's name, found {}", file.string(), number,
         scalars_.is_object() && scalars_.contains("epoch") ? scalars_["epoch"].dump() : "none");
  if (scalars_.contains("label") &&
      (!scalars_["label"].is_string() || scalars_["label"].get_ref<const std::string&>().empty() ||
       scalars_["label"].get_ref<const std::string&>().size() > 200))
    fail("{}: expected \"label\" to be a text of at most 200 bytes, found {}", file.string(),
         scalars_["label"].dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
  if (scalars_.contains("at") && !scalars_["at"].is_number())
    fail("{}: expected \"at\" to be a number, found {}", file.string(),
         scalars_["at"].dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
}

NpyArray Epoch::open_features() const {
  NpyArray array = NpyArray::open(folder_ / "features.npy");
  array.expect_dtype({DType::f32, DType::f16});
  array.expect_shape({manifest_->sample_count(), manifest_->feature_dim});
  return array;
}

Matrix Epoch::features() const {
  const NpyArray array = open_features();
  Matrix features = array.to_matrix();
  expect_finite(features, array.path(), fmt::format("at epoch {}", epoch_name(*this)));
  scale_by(features, workable_scale(features.view()));
  return features;
}

RecordedRows Epoch::mapped_features() const {
  NpyArray array = open_features();
  if (array.dtype() != DType::f32 || feature_scale(*this) != 1) return features();
  expect_finite(array.matrix(), array.path(), fmt::format("at epoch {}", epoch_name(*this)));
  return RecordedRows(std::move(array));
}

std::vector<float> Epoch::feature_row(int64_t sample) const { return row_of(open_features(), sample); }

NpyArray Epoch::open_logits() const {
  NpyArray array = NpyArray::open(folder_ / "logits.npy");
  array.expect_dtype({DType::f32, DType::f16});
  array.expect_shape({manifest_->sample_count(), manifest_->class_count()});
  return array;
}

std::optional<std::vector<float>> Epoch::logit_row(int64_t sample) const {
  if (!has("logits.npy")) return std::nullopt;
  return row_of(open_logits(), sample);
}

std::optional<RecordedRows> Epoch::logits() const {
  if (!has("logits.npy")) return std::nullopt;
  NpyArray array = open_logits();
  RecordedRows logits = array.dtype() == DType::f32 ? RecordedRows(std::move(array)) : array.to_matrix();
  expect_finite(logits, folder_ / "logits.npy", fmt::format("at epoch {}", epoch_name(*this)));
  return logits;
}

std::optional<Matrix> Epoch::boundary_features() const {
  const auto file = folder_ / "boundary_features.npy";
  if (!fs::exists(file)) return std::nullopt;
  Matrix features = read_floats(file, -1, manifest_->feature_dim);
  expect_finite(features, file, fmt::format("at epoch {}", epoch_name(*this)));
  scale_by(features, feature_scale(*this));
  return features;
}

std::optional<std::vector<int32_t>> Epoch::training_set() const {
  const auto file = folder_ / "training_set.npy";
  if (!fs::exists(file)) return std::nullopt;
  const NpyArray array = NpyArray::open(file);
  array.expect_dtype({DType::i32, DType::i64});
  array.expect_shape({-1});
  auto ids = array.to_ints();
  for (const int32_t id : ids)
    if (id < 0 || id >= manifest_->sample_count())
      fail("{}: expected sample ids from 0 to {}, found {}", file.string(), manifest_->sample_count() - 1,
           id);
  return ids;
}

std::optional<std::vector<float>> Epoch::column(const std::string& name) const {
  const auto file = folder_ / "columns" / (name + ".npy");
  if (!is_plain_name(name) || !fs::exists(file)) return std::nullopt;
  return read_column(file, manifest_->sample_count(), manifest_->category_count(name));
}

std::vector<std::string> Epoch::column_names() const { return column_names_in(folder_ / "columns"); }

std::optional<NpyArray> Epoch::group_inputs(const Group& group) const {
  const auto file = folder_ / "inputs" / (group.name + ".npy");
  if (!fs::exists(file)) return std::nullopt;
  NpyArray array = NpyArray::open(file);
  array.expect_dtype({DType::u8, DType::f32});
  if (array.rows() != group.count)
    fail("{}: expected one row for each of the {} samples of group \"{}\", found shape {}", file.string(),
         group.count, group.name, shape_text(array.shape()));
  return array;
}

Run Run::open(const fs::path& folder) {
  if (!fs::is_directory(folder))
    fail("{}: expected a run directory, found {}; give the folder that holds run.json", folder.string(),
         fs::exists(folder) ? "a file" : "nothing of that name");
  const auto manifest_file = folder / "run.json";
  if (!fs::exists(manifest_file))
    fail(
        "{}: expected a run directory, found no run.json in it; record one (docs/reference/run-format.md) or "
        "try "
        "'dvi import' for folders of other tools",
        folder.string());
  Run run;
  run.folder_ = folder;
  run.manifest_ =
      std::make_shared<const Manifest>(Manifest::from_json(read_json(manifest_file), manifest_file));
  const Manifest& manifest = *run.manifest_;
  const int64_t n = manifest.sample_count();

  const NpyArray labels = NpyArray::open(folder / "labels.npy");
  labels.expect_dtype({DType::i32, DType::i64});
  labels.expect_shape({n});
  run.labels_.resize(static_cast<size_t>(n));
  const auto take = [&](const auto* values) {
    for (int64_t i = 0; i < n; ++i) {
      if (values[i] < -1 || values[i] >= manifest.class_count())
        fail(
            "{}: expected labels from 0 to {} (or -1 for none), found {} for sample {}; \"classes\" in "
            "run.json has {} names",
            labels.path().string(), manifest.class_count() - 1, values[i], i, manifest.class_count());
      run.labels_[static_cast<size_t>(i)] = static_cast<int32_t>(values[i]);
    }
  };
  if (labels.dtype() == DType::i32)
    take(labels.as<int32_t>().data());
  else
    take(labels.as<int64_t>().data());

  labels.expect_whole();
  if (fs::exists(folder / "inputs.npy")) {
    run.inputs_ = NpyArray::open(folder / "inputs.npy");
    run.inputs_->expect_dtype({DType::u8, DType::f32});
    if (run.inputs_->shape().empty() || run.inputs_->rows() != n)
      fail("{}: expected one row for each of the {} samples, found shape {}", run.inputs_->path().string(), n,
           shape_text(run.inputs_->shape()));
  }
  Json identity = manifest.to_json();
  identity.erase("finished");
  run.key_ = fmt::format("{:016x}", digest(identity.dump(-1, ' ', false, Json::error_handler_t::replace) +
                                           file_version(folder / "inputs.npy")) ^
                                        digest({reinterpret_cast<const char*>(run.labels_.data()),
                                                run.labels_.size() * sizeof(int32_t)}));
  return run;
}

std::string Run::version(const fs::path& folder) {
  const std::string manifest = file_version(folder / "run.json");
  if (manifest.empty()) return "";
  return fmt::format("{} {} {} {}", manifest, file_version(folder / "labels.npy"),
                     file_version(folder / "inputs.npy"), damaged_mappings());
}

std::vector<int> Run::epoch_numbers() const {
  std::vector<int> numbers;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_ / "epochs", missing))
    if (const auto number = epoch_of_folder(entry.path().filename().string());
        number && fs::exists(entry.path() / "epoch.json"))
      numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::optional<int> epoch_of_folder(const std::string& name) {
  if (name.size() != 6 || name.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoi(name);
}

Epoch Run::epoch(int number) const {
  const auto folder = folder_ / "epochs" / epoch_folder_name(number);
  if (!fs::exists(folder / "epoch.json"))
    fail("{}: expected a recorded epoch, found {}", folder.string(),
         fs::exists(folder) ? "one without epoch.json, so it is still being written or was cut off"
                            : "nothing of that name; 'dvi check' lists the epochs of a run");
  return Epoch(folder, number, manifest_);
}

std::vector<std::string> Run::column_names() const { return column_names_in(folder_ / "columns"); }

std::vector<float> Run::column(const std::string& name) const {
  const auto file = folder_ / "columns" / (name + ".npy");
  if (!is_plain_name(name) || !fs::exists(file))
    fail("{}: expected a column, found no column named \"{}\"", (folder_ / "columns").string(), name);
  return read_column(file, manifest_->sample_count(), manifest_->category_count(name));
}

bool Run::finished() const {
  const auto file = folder_ / "run.json";
  return Manifest::from_json(read_json(file), file).finished;
}

std::vector<std::string> Run::view_names() const {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_ / "views", missing)) {
    const std::string name = entry.path().filename().string();
    if (is_plain_name(name) && fs::exists(entry.path() / "view.json")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void expect_finite(MatrixView values, const fs::path& file, const std::string& where) {
  std::atomic<int64_t> first_bad{values.rows};
  const int64_t grain = std::max<int64_t>(1, (1 << 18) / std::max<int64_t>(1, values.cols));
  parallel_for(values.rows, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      // x - x is 0 for finite x and NaN otherwise; summing lets the compiler vectorise.
      float sum = 0;
      const float* row = values.row(i);
      for (int64_t j = 0; j < values.cols; ++j) sum += row[j] - row[j];
      if (sum == 0) continue;
      int64_t known = first_bad;
      while (i < known && !first_bad.compare_exchange_weak(known, i)) {
      }
      return;
    }
  });
  const int64_t bad = first_bad;
  if (bad == values.rows) return;
  const float* row = values.row(bad);
  const float* value = std::find_if_not(row, row + values.cols, [](float x) { return std::isfinite(x); });
  fail(
      "{}: expected finite numbers, found {} for sample {} {} (value {} of {}); see what happened in "
      "training "
      "there, or leave this epoch out",
      file.string(), std::isnan(*value) ? "nan" : "infinity", bad, where, value - row, values.cols);
}

}  // namespace dvi
