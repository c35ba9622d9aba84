// What both layouts are read into, and the writing of it. Only for importer.cpp, v1_layout.cpp and
// ttv_layout.cpp.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/head.h"
#include "import/importer.h"
#include "import/source_folder.h"
#include "run/run_writer.h"

namespace dvi {

/// One epoch of a source, arrays in the run's order of samples. Paths are places in the source's folder.
struct SourceEpoch {
  int number = 0;
  Matrix features;                             ///< [N, D]
  std::optional<Matrix> logits;                ///< [N, C]
  std::optional<std::filesystem::path> state;  ///< a state dict, for the head
  std::optional<std::vector<int32_t>> training_set;
  std::optional<Matrix> boundary_features;  ///< [M, D]
  std::optional<std::filesystem::path> boundary_inputs;
  std::map<std::string, std::vector<float>> columns;
  std::vector<std::filesystem::path> keep;  ///< files to copy into imported/, named as in the source
};

/// A source: the run's head, read at once, and its epochs, read one after another.
struct Source {
  std::string layout;
  std::vector<std::string> classes;
  std::vector<int32_t> labels;
  std::vector<Group> groups;
  std::optional<InputSpec> input_spec;
  DType input_dtype = DType::u8;
  std::vector<int64_t> input_shape;
  std::vector<std::byte> inputs;  ///< empty: none
  std::string texts;
  std::map<std::string, std::vector<float>> columns;
  std::vector<std::filesystem::path> keep;
  std::map<int, std::filesystem::path> epochs;  ///< their folders
  std::function<SourceEpoch(int number, const std::filesystem::path& folder)> read_epoch;
};

/// Whether `folder` looks like this layout, and how it is read. Sentences go into `report`.
bool is_v1(const SourceFolder& folder);
Source open_v1(const SourceFolder& folder, ImportReport& report);
bool is_ttv(const SourceFolder& folder);
Source open_ttv(const SourceFolder& folder, ImportReport& report);

/// config.json of a source, for what nothing else in it says. Its keys stand at the top, or under the name of
/// the tool ({"DVI": {...}}).
struct SourceConfig {
  std::vector<std::string> classes;           ///< "CLASSES": distinct names, or empty
  std::string epoch_name;                     ///< "EPOCH_NAME": folders of epochs are EPOCH_NAME_N; or empty
  std::optional<std::filesystem::path> file;  ///< to keep
};
/// Sentences on what cannot be used go into `report`.
SourceConfig read_config(const SourceFolder& folder, ImportReport& report);
/// Names for the classes 0 to `most`: those of `named`, if they are enough, else numbers; says so in
/// `report`. Throws Error, naming `labels`, where the largest class number is beyond what a run can hold.
std::vector<std::string> class_names(std::vector<std::string> named, const std::string& from, int32_t most,
                                     const std::filesystem::path& labels, ImportReport& report);

/// The folders "PREFIXK" in `parent`, by their number K. Throws Error if two have the same (epoch_1,
/// epoch_01).
std::map<int, std::filesystem::path> numbered_folders(const SourceFolder& folder,
                                                      const std::filesystem::path& parent,
                                                      const std::string& prefix);
/// Of the folders of `epochs`, those that hold `file`; the others are reported as missing.
std::map<int, std::filesystem::path> epochs_with(std::map<int, std::filesystem::path> epochs,
                                                 const SourceFolder& folder, const std::string& file,
                                                 ImportReport& report);
/// A JSON array of whole numbers from 0 to `below` - 1; throws Error naming the file.
std::vector<int32_t> read_ids(const std::filesystem::path& file, int64_t below);
/// A 2-D .npy of real numbers as float32, float64 included; throws Error unless it has `rows` rows (-1: any).
Matrix read_features(const std::filesystem::path& file, int64_t rows);

/// Adds a sentence with the epochs it holds for, once all are known: "WHAT (epochs 1-3, 7)".
class EpochNotes {
 public:
  void add(const std::string& what, int epoch) { epochs_[what].push_back(epoch); }
  std::vector<std::string> sentences(size_t all) const;

 private:
  std::map<std::string, std::vector<int>> epochs_;
};

}  // namespace dvi
