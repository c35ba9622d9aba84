// Turns the folders of earlier DeepVisualInsight tools into run directories (docs/how-to/importing.md).
//
// Two layouts are known, and told apart by what is in the folder:
// - "v1", DVI's own: Training_data/, Testing_data/, Model/Epoch_N/
// - "ttv", time-travelling-visualizer: dataset/, epochs/epoch_K/
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/file.h"

namespace dvi {

/// What became of the source, one sentence each.
struct ImportReport {
  std::string layout;  ///< "v1" or "ttv"
  int64_t samples = 0;
  std::vector<int> epochs;
  std::vector<std::string> taken;    ///< read as it was
  std::vector<std::string> solved;   ///< computed, since the source does not hold it
  std::vector<std::string> kept;     ///< no place for it in a run: copied as it is into RUN/imported
  std::vector<std::string> missing;  ///< not there or not usable, and what that means

  std::string to_text() const;
  /// The members, under their names.
  Json to_json() const;
};

/// Writes the run directory `run` (new, or an empty folder) from `source`. Throws Error if the source is of
/// neither layout, is inconsistent, or holds no epoch whose head can be had; then nothing is left behind.
ImportReport import_run(const std::filesystem::path& source, const std::filesystem::path& run);

}  // namespace dvi
