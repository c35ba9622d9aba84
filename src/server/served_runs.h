// The runs under one server, as they are on disk at the moment: runs that are being recorded and views that
// are being fitted grow while they are served.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "landscape/extent.h"
#include "query/sample_table.h"
#include "query/suspects.h"
#include "run/inputs.h"
#include "run/run.h"
#include "run/view.h"
#include "subject/subject_model.h"

namespace dvi {

/// A view with what is made of it once for many requests. Thread-safe.
class ServedView {
 public:
  ServedView(std::shared_ptr<const Run> r, View v)
      : view(std::move(v)), events(view.events()), run_(std::move(r)) {}
  const View view;
  const std::vector<Event> events;  ///< sorted by epoch, then kind, then sample
  const SampleTable& table() const;
  const SuspectRanking& suspects() const;
  /// The box around frame_of() of every epoch; nothing while none is fitted.
  std::optional<Extent> frame() const;

 private:
  std::shared_ptr<const Run> run_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<const SampleTable> table_;
  mutable std::unique_ptr<const SuspectRanking> suspects_;
  mutable std::optional<Extent> frame_;
};

/// A run as it was when it was opened, growing; another one in its place is another ServedRun. Thread-safe.
class ServedRun {
 public:
  ServedRun(int id, Run run, std::string version)
      : id_(id), version_(std::move(version)), run_(std::make_shared<const Run>(std::move(run))) {}
  int id() const { return id_; }
  const Run& run() const { return *run_; }
  const std::shared_ptr<const Run>& shared() const { return run_; }
  const std::string& version() const { return version_; }  ///< Run::version() when it was opened
  /// The view as it is now: read again when view.json or events.npy were written since. Throws Error if there
  /// is none, or another run has taken this one's place.
  std::shared_ptr<const ServedView> view(const std::string& name);
  /// Images as recorded, or as they were at an epoch. Throws Error if there are none.
  std::shared_ptr<const InputReader> inputs(std::optional<int> epoch = {});
  /// The sample's line of texts.txt, if there is such a file.
  std::optional<std::string> text(int64_t sample);
  /// The sample's cells of rows.csv with the names of their columns, or nothing.
  std::vector<std::pair<std::string, std::string>> row(int64_t sample);
  /// Smallest and largest finite value of a column, over all epochs if it has a value for each; and whether
  /// all values are 0 or 1. Read once (for columns by epoch: once for each number of epochs).
  struct Range {
    float min = 0, max = 0;
    bool yes_no = false;
  };
  Range column_range(const std::string& name, bool per_epoch);

  /// Calls `use` with the subject model of an epoch, one caller at a time. Throws Error where it cannot be
  /// had.
  void with_subject(int epoch, const std::function<void(SubjectModel&)>& use);

 private:
  struct Dated {
    std::string version;
    std::shared_ptr<const ServedView> view;
  };
  int id_;
  std::string version_;
  std::shared_ptr<const Run> run_;
  std::mutex mutex_, subject_mutex_;
  std::map<std::string, Dated> views_;
  std::shared_ptr<const InputReader> inputs_;
  std::optional<std::vector<std::string>> texts_;
  std::optional<std::vector<std::vector<std::string>>> rows_;
  std::map<std::pair<std::string, size_t>, Range> ranges_;
  // Models are large: only the last one used is kept.
  int subject_epoch_ = -1;
  std::unique_ptr<SubjectModel> subject_;
};

class ServedRuns {
 public:
  /// Opens all; throws Error for the first that is no run.
  explicit ServedRuns(const std::vector<std::filesystem::path>& folders);
  size_t size() const { return runs_.size(); }
  const std::filesystem::path& folder(size_t id) const { return runs_[id]->folder; }
  /// The run as it is on disk now: opened again when run.json, labels.npy or inputs.npy were written since,
  /// or one of its mapped files was damaged. Throws Error if it is gone or broken. Keep the pointer for as
  /// long as what it gives.
  std::shared_ptr<ServedRun> at(size_t id);
  /// Of all runs as they are on disk now: another one where any of them was replaced.
  std::string version() const;

 private:
  struct Place {
    std::filesystem::path folder;
    std::mutex mutex;
    std::shared_ptr<ServedRun> run;
  };
  std::vector<std::unique_ptr<Place>> runs_;
};

}  // namespace dvi
