// The run directory (docs/reference/run-format.md): what was recorded while a classifier was trained.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/matrix.h"
#include "core/npy.h"
#include "run/recorded_rows.h"

namespace dvi {

/// A consecutive range of samples with a name and a role ("train", "test", "adversarial", "unlabelled", ...).
struct Group {
  std::string name, role;
  int64_t begin = 0, count = 0;
  int64_t end() const { return begin + count; }
};

/// How the recorded inputs become what the model sees: (x * scale - mean) / std.
struct InputSpec {
  std::string kind;               ///< "image", "text" or "row"
  std::string layout;             ///< "NHWC", "NCHW" or "NHW"; empty unless kind is "image"
  std::optional<double> scale;    ///< absent: 1/255 for uint8, 1 for float32
  std::vector<double> mean, std;  ///< empty, one value, or one a channel
};

enum class SubjectKind { torchscript, linear_head };

/// run.json.
struct Manifest {
  std::string name;
  std::vector<std::string> classes;
  int64_t feature_dim = 0;
  std::vector<Group> groups;
  std::optional<InputSpec> inputs;
  SubjectKind subject = SubjectKind::torchscript;
  Json columns = Json::object();  ///< how to show columns: {"NAME": {"categories": [...], "title": "..."}}
  bool finished = false;

  int64_t sample_count() const { return groups.empty() ? 0 : groups.back().end(); }
  int class_count() const { return static_cast<int>(classes.size()); }
  /// Ids of the samples in groups of this role, in order.
  std::vector<int32_t> ids_of_role(const std::string& role) const;
  const Group& group_of(int64_t sample) const;
  /// How many names the column's "categories" have; nothing for a column of numbers.
  std::optional<int64_t> category_count(const std::string& column) const;

  /// Throws Error naming `file` for anything docs/reference/run-format.md does not allow.
  static Manifest from_json(const Json&, const std::filesystem::path& file);
  Json to_json() const;
};

/// "000012" for 12.
std::string epoch_folder_name(int epoch);
/// 12 for "000012"; nothing for any other kind of name.
std::optional<int> epoch_of_folder(const std::string& name);
/// Whether this can name a file inside a run (column, group, view, selection): not empty, no slash, no
/// leading dot.
bool is_plain_name(std::string_view name);

/// One complete epoch, which may outlive its Run. Cheap to copy; arrays are opened when asked for and checked
/// (dtype, shape, finite values).
class Epoch {
 public:
  Epoch(std::filesystem::path folder, int number, std::shared_ptr<const Manifest> manifest);
  int number() const { return number_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// epoch.json: "epoch" and any scalars.
  const Json& scalars() const { return scalars_; }

  bool has(const std::string& file) const { return std::filesystem::exists(folder_ / file); }
  /// [N, D]; float16 is converted. Throws Error for NaN or infinity, naming the sample and the epoch.
  Matrix features() const;
  /// The same, in place where the file holds float32 in a workable scale (run/feature_scale.h).
  RecordedRows mapped_features() const;
  /// Rows of features without checking or converting the rest: for one sample at a time.
  std::vector<float> feature_row(int64_t sample) const;
  /// [N, C] recorded logits, if there: in place where the file holds float32. Throws as features().
  std::optional<RecordedRows> logits() const;
  /// One sample's recorded logits, if there, without reading the rest.
  std::optional<std::vector<float>> logit_row(int64_t sample) const;
  /// [M, D] boundary samples drawn while recording, if there.
  std::optional<Matrix> boundary_features() const;
  /// Ids in the training set at this epoch; absent: all train samples.
  std::optional<std::vector<int32_t>> training_set() const;
  /// columns/NAME.npy of this epoch, as [N] floats, if there.
  std::optional<std::vector<float>> column(const std::string& name) const;
  std::vector<std::string> column_names() const;
  /// The file of inputs of `group` at this epoch, if it changes every epoch.
  std::optional<NpyArray> group_inputs(const Group& group) const;

 private:
  NpyArray open_features() const;
  NpyArray open_logits() const;
  std::filesystem::path folder_;
  int number_;
  std::shared_ptr<const Manifest> manifest_;
  Json scalars_;
};

/// A run directory opened for reading; opening checks run.json, labels and inputs.
class Run {
 public:
  /// Throws Error if `folder` is no run directory or breaks the format.
  static Run open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  /// Changes when another run has taken this one's place: other samples, labels, classes, groups or inputs;
  /// and not when it only grows or ends.
  const std::string& key() const { return key_; }
  /// A text that changes when run.json, labels.npy or inputs.npy of `folder` are written anew, or a mapped
  /// file of this process was damaged; empty if there is no run.json. A Run opened before may then be out of
  /// date.
  static std::string version(const std::filesystem::path& folder);
  const Manifest& manifest() const { return *manifest_; }
  /// [N], -1 = no label.
  const std::vector<int32_t>& labels() const { return labels_; }
  /// inputs.npy, if recorded.
  const std::optional<NpyArray>& inputs() const { return inputs_; }
  /// Numbers of the complete epochs, ascending; looks at the disk, so a run being recorded grows.
  std::vector<int> epoch_numbers() const;
  /// Throws Error if the epoch is not there.
  Epoch epoch(int number) const;
  /// Names of the columns in columns/, sorted.
  std::vector<std::string> column_names() const;
  /// columns/NAME.npy as [N] floats; throws Error if it is not there, or if its "categories" have no name for
  /// a value.
  std::vector<float> column(const std::string& name) const;
  /// texts.txt, one line a sample, or empty.
  std::vector<std::string> texts() const;
  /// rows.csv: names, then one row of cells a sample; empty if not there.
  std::vector<std::vector<std::string>> rows() const;
  /// Reads run.json again and tells whether recording has ended.
  bool finished() const;

  std::filesystem::path view_folder(const std::string& view) const { return folder_ / "views" / view; }
  std::vector<std::string> view_names() const;

 private:
  std::filesystem::path folder_;
  std::string key_;
  std::shared_ptr<const Manifest> manifest_;
  std::vector<int32_t> labels_;
  std::optional<NpyArray> inputs_;
};

/// Throws Error if a value is NaN or infinite: "FILE: expected finite numbers, found nan for sample I WHERE
/// ..."; `where` is, for example, "at epoch 3".
void expect_finite(MatrixView values, const std::filesystem::path& file, const std::string& where);

}  // namespace dvi
