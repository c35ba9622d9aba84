// A changed copy of a run that takes the run's place: at every moment the run is the old one, whole, or the
// new one, whole. Files that do not change are linked, not copied.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "core/npy.h"
#include "run/run.h"

namespace dvi {

/// What a file of the run is to its samples.
enum class SampleFile {
  none,    ///< nothing: it stays as it is
  rows,    ///< an array with a row for each sample
  column,  ///< the same, one value a sample, of which NaN says that there is none
  ids,     ///< an array of sample ids
  lines,   ///< a text with a line for each sample; rows.csv has one more, its first
  other    ///< run.json, events.npy, selections: each has its own form
};

/// `path` is relative to the run's folder. docs/reference/run-format.md lists them.
SampleFile sample_file(const std::filesystem::path& path);

/// Holds the locks of a run's views, so that no fit works on them. Throws Error if one does.
class ViewLocks {
 public:
  explicit ViewLocks(const Run& run);
  ~ViewLocks();
  ViewLocks(const ViewLocks&) = delete;
  ViewLocks& operator=(const ViewLocks&) = delete;

 private:
  std::vector<int> files_;
};

/// Fills `to` with the run's files; `write(path, from, to)` may write a changed file and return true. Locks
/// and what others left unfinished stay behind.
void copy_run(const std::filesystem::path& from, const std::filesystem::path& to,
              const std::function<bool(const std::filesystem::path& path, const std::filesystem::path& from,
                                       const std::filesystem::path& to)>& write);

/// Writes `array` with `more` rows behind it, given in its dtype.
void append_rows(const NpyArray& array, std::span<const std::byte> more, int64_t count,
                 const std::filesystem::path& to);
/// Writes `array` without its rows [begin, begin + count).
void drop_rows(const NpyArray& array, int64_t begin, int64_t count, const std::filesystem::path& to);
/// Numbers in the array's dtype: float16, float32, uint8, int32 or int64. Throws Error for any other.
std::vector<std::byte> in_dtype(DType dtype, std::span<const float> values);

}  // namespace dvi
