// Writes views (docs/reference/run-format.md, "Views"); what is written was computed before. An epoch appears
// by one rename; view.json is replaced by rename after it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fit/measure.h"
#include "fit/paint.h"
#include "run/events.h"

namespace dvi {

/// What is written of an epoch.
struct EpochOutcome {
  const EpochData& data;
  const Projection& projection;
  const Painting& painting;
  const Measured& measured;
  std::vector<float> boundary_features;  ///< [M, D] of all boundary samples of the fit
  const std::vector<Event>& events;      ///< of the whole view
  StageSeconds seconds;
  Json job;  ///< how the ranks worked together; null where one process fitted
};

struct ViewIdentity {
  std::string name, preset;
  uint64_t seed = 1;
  Json settings;  ///< of the preset
};

class ViewWriter {
 public:
  /// Opens or starts the view and locks it. `anew`: what is there is removed first. Throws Error if another
  /// process holds the view, or if it was fitted as another preset, seed or settings.
  ViewWriter(const Run& run, const ViewIdentity&, bool anew);
  ViewWriter(const ViewWriter&) = delete;
  ViewWriter& operator=(const ViewWriter&) = delete;

  const std::vector<int>& epochs() const { return epochs_; }
  /// The epochs that are being settled together, in order, also after a fit that was killed; empty if none
  /// are.
  std::vector<int> batch() const;
  void set_batch(const std::vector<int>&);
  /// For temporary files.
  const std::filesystem::path& folder() const { return folder_; }
  /// Replaces the epoch if it is there.
  void write(const EpochOutcome&);
  void set_state(const std::string& state);

 private:
  void remove_what_killed_fits_left() const;
  std::filesystem::path epoch_folder(int epoch) const;
  void write_arrays(const std::filesystem::path& folder, const EpochOutcome&) const;
  void write_landscapes(const Painting&, int epoch);
  void write_view();

  std::filesystem::path folder_;
  /// Held while the writer lives, released also where its constructor throws.
  struct Lock {
    int file = -1;
    ~Lock();
  };
  Lock lock_;
  Json json_;
  std::vector<int> epochs_;
  Json extent_ = Json::array({0, 0, 1, 1});
  int revision_ = 0;  // of the landscapes; another one for another extent
};

}  // namespace dvi
