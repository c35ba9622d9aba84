// Samples and their history as a table: one row for each sample and fitted epoch. Cells are read where they
// lie in the mapped arrays; only what no file holds (trajectories, training sets as flags) is computed, once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "query/trajectory.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

enum class CellType { integer, real, text };

/// A column as a user sees it.
struct ColumnInfo {
  std::string name;
  CellType type;
  std::string meaning;  ///< one line
};

/// The cells of one column at one epoch. Copies share what they point to.
class Cells {
 public:
  /// How to get the number of row i.
  enum class Form {
    row,           // i itself
    constant,      // `constant` for all
    ints,          // int32 array
    bytes,         // uint8 array
    floats,        // float array
    every_second,  // float array of pairs, the first of each pair
    equal,         // 1 where two int32 arrays are equal, else 0; nothing where the second is negative
    below_delta,   // 1 where a float is below 0.1, else 0
  };
  Form form = Form::constant;
  const void* data = nullptr;
  const int32_t* other = nullptr;
  double constant = 0;
  /// Negative ints are missing values.
  bool negative_is_missing = false;
  /// For text: the number is an index into these.
  const std::vector<std::string>* names = nullptr;
  std::shared_ptr<const void> keep;

  /// NaN = missing (NULL). Of a text always a whole number below names->size().
  double number(int64_t i) const;

 private:
  double raw(int64_t i) const;
};

/// Thread-safe.
class SampleTable {
 public:
  /// `run` must outlive the table; `view` is taken as it is now.
  SampleTable(const Run& run, const View& view);

  int64_t samples() const { return run_.manifest().sample_count(); }
  const View& view() const { return view_; }
  const std::vector<int32_t>& labels() const { return run_.labels(); }
  const std::vector<std::string>& classes() const { return run_.manifest().classes; }
  const std::vector<int>& epochs() const { return view_.epoch_numbers(); }
  /// The last fitted epoch; throws Error if there is none.
  int last_epoch() const;
  const std::vector<ColumnInfo>& columns() const { return columns_; }
  static constexpr size_t id_column = 0, epoch_column = 1;
  Cells cells(size_t column, int epoch) const;

 private:
  using Source = std::function<Cells(int epoch)>;
  void add(ColumnInfo info, Source source);
  void add_recorded_columns();
  const Trajectory& trajectory() const;
  /// uint8 [N]: in the training set at this epoch; and the same of those that were not at the epoch before.
  std::shared_ptr<const std::vector<uint8_t>> training_set(int epoch) const;
  std::shared_ptr<const std::vector<uint8_t>> newly_selected(int epoch) const;
  /// The cells of a recorded column; `categories` (0: none) is how many names its values may be numbers of.
  Cells file_cells(const std::filesystem::path& file, size_t categories) const;
  const std::vector<std::string>* categories(const std::string& column);

  const Run& run_;
  View view_;
  std::vector<ColumnInfo> columns_;
  std::vector<Source> sources_;
  std::vector<std::string> group_names_, roles_;
  std::vector<int32_t> group_of_;  // [N] index of the sample's group
  std::map<std::string, std::vector<std::string>> categories_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<const Trajectory> trajectory_;
  mutable std::map<int, std::shared_ptr<const std::vector<uint8_t>>> training_sets_, newly_selected_;
};

}  // namespace dvi
