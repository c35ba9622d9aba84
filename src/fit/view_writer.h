// Writes views (docs/reference/run-format.md, "Views"). An epoch appears by one rename; view.json is replaced
// by rename after it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fit/fit.h"
#include "fit/measure.h"
#include "landscape/extent.h"
#include "landscape/landscape.h"
#include "run/view.h"

namespace dvi {

class ViewWriter {
 public:
  /// Opens or starts the view and locks it. Throws Error if another process holds it, or if it was fitted
  /// with other settings and options.force is not set.
  ViewWriter(const Run& run, const FitOptions& options, const Json& settings);
  ViewWriter(const ViewWriter&) = delete;
  ViewWriter& operator=(const ViewWriter&) = delete;

  const std::vector<int>& epochs() const { return epochs_; }
  /// Writes everything but the landscape and keep_boundary; the epoch exists only after publish().
  void write_epoch(const EpochData&, const Projection&, const Measured&);
  /// Paints the landscape (all of them, if the extent had to grow), completes metrics.json with
  /// keep_boundary, and makes the epoch appear.
  void publish(EpochData&, const Projection&, Measured&);
  /// The epoch's events, and those of the fitted epoch after it, if there is one.
  void update_events(const EpochData& data);
  void set_state(const std::string& state);

  /// A fitted epoch as the next one needs it.
  PreviousEpoch load_previous(int epoch) const;

 private:
  void remove_what_killed_fits_left() const;
  std::filesystem::path epoch_folder(int epoch) const;
  std::filesystem::path writing_folder(int epoch) const;
  void write_view();
  void paint_into(const std::filesystem::path& folder, const Mlp& decoder, SubjectModel& subject,
                  Landscape* out) const;

  const Run& run_;
  std::filesystem::path folder_;
  /// Held while the writer lives, released also where its constructor throws.
  struct Lock {
    int file = -1;
    ~Lock();
  };
  Lock lock_;
  Json json_;
  std::vector<int> epochs_;
  std::optional<Extent> extent_, bounds_;
  int revision_ = 0;
};

}  // namespace dvi
