// `dvi fit`: a visualization model for every recorded epoch, written into views/NAME
// (docs/reference/run-format.md, "Views").
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dvi {

struct FitOptions {
  std::string view = "default";
  std::string preset = "default";  ///< one of preset_names() (fit/presets.h)
  /// Epochs to fit; empty = all that are recorded.
  std::vector<int> epochs;
  uint64_t seed = 1;
  /// Only find the boundary samples and neighbours of `epochs`, and store them for a later fit
  /// (fit/prepared_epochs.h).
  bool prepare = false;
  /// Go on until the run says that recording has ended.
  bool follow = false;
  /// Remove the view and fit it anew; without it a view of other settings is refused.
  bool force = false;
  /// What the epochs that are settled together may hold in memory; where they would hold more, the arrays of
  /// those that are not at work lie in files. Negative: a 64th of the machine's memory.
  int64_t most_bytes = -1;
};

/// Fits what is not fitted yet, in order of epochs; every finished epoch is on disk before the next begins,
/// so that a killed fit goes on where it was. Throws Error for runs that cannot be fitted
/// (docs/reference/run-format.md), for a view of other settings, for a view that another process is fitting,
/// and where the disk is full; files already there stay as they are.
/// Several processes may prepare epochs of a view at once, also while another one fits it.
void fit_run(const std::filesystem::path& run, const FitOptions& options);

}  // namespace dvi
