// Small made-up runs with a view, for the tests of everything that reads runs.
//
// The picture is known in closed form: features are a plane position plus small noise in the other
// dimensions, classes sit on a circle, the head is linear, encoder and decoder are single linear layers that
// pick the first two dimensions. So the territory of class c is a sector around its angle, and any point can
// be checked by hand.
#pragma once

#include <filesystem>
#include <vector>

#include "run/run.h"
#include "run/view.h"

namespace dvi {

struct TestRunOptions {
  int64_t train = 240, test = 60;
  int classes = 3;
  int64_t feature_dim = 8;
  std::vector<int> epochs = {1, 2, 3, 4};
  /// Share of train samples whose label was replaced by another: they go to their true class first and to the
  /// wrong one in the last third of the epochs, as networks do. Columns is_noisy and original_label tell
  /// which.
  double noisy = 0;
  /// inputs.npy from Fashion-MNIST where Debian's data set is installed (labels are then its own, so use 10
  /// classes or fewer: only samples of the first `classes` are taken), from drawn squares elsewhere.
  bool images = true;
  /// Epochs that have a view; empty: no view at all.
  std::vector<int> fitted = {1, 2, 3, 4};
  int64_t territory_size = 64;
  uint64_t seed = 1;
};

/// Records the run in `folder`, which must be new or empty, and opens it. View "default", neighbours exact up
/// to 4,000 samples (beyond that, samples next in x stand for them).
Run make_test_run(const std::filesystem::path& folder, const TestRunOptions& options = {});
/// Adds or replaces the view "default" with these fitted epochs.
void make_test_view(const Run& run, const std::vector<int>& fitted, int64_t territory_size = 64);
/// Records one more epoch into a run made by make_test_run with the same options.
void record_test_epoch(const Run& run, const TestRunOptions& options, int epoch);

/// A new folder under the system's temporary one, removed with everything in it by the destructor.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The message of the Error that `action` throws, or "" if it throws none.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace dvi
