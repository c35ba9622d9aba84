// Writes run directories (docs/reference/run-format.md). An epoch appears all at once or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "run/run.h"

namespace dvi {

/// One epoch being written into a hidden folder (UnfinishedFolder); commit() makes it appear by rename.
/// Dropped without commit, it is removed.
class EpochWriter {
 public:
  EpochWriter(const std::filesystem::path& run_folder, int number);

  /// Where to put files of one's own (subject.pt).
  const std::filesystem::path& folder() const { return folder_.path(); }
  void features(MatrixView);
  void logits(MatrixView);
  void linear_head(MatrixView weight, std::span<const float> bias);
  void training_set(std::span<const int32_t> ids);
  void column(const std::string& name, std::span<const float> values);
  /// Inputs of a group that changes every epoch, in the dtype and shape of inputs.npy.
  void group_inputs(const std::string& group, DType, std::span<const int64_t> shape, const void* data);
  /// What people call the epoch where its number does not say it ("1.5", "step 12000"; 1 to 200 bytes), and
  /// where it lies on the time axis. Throws Error for an empty or longer label.
  void name(const std::string& label, double at);
  /// `scalars` without "epoch", "label" and "at", which are added.
  void commit(Json scalars);

 private:
  int number_;
  Json named_ = Json::object();
  UnfinishedFolder folder_;
  std::filesystem::path final_folder_;
};

/// Starts a new run directory. Throws Error if `folder` exists and is not empty.
class RunWriter {
 public:
  RunWriter(std::filesystem::path folder, Manifest manifest);
  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  void labels(std::span<const int32_t>);
  void inputs(DType, std::span<const int64_t> shape, const void* data);
  void column(const std::string& name, std::span<const float> values);
  /// Writes run.json; call after the arrays above, so that a run is whole once it exists.
  void begin();
  EpochWriter epoch(int number) const { return EpochWriter(folder_, number); }
  /// Marks the run as finished.
  void finish();

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace dvi
