// Records a scenario's classifier: what every scenario writes, with room for what only one of them has.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "run/run_writer.h"
#include "scenarios/classifier.h"
#include "scenarios/scenario.h"
#include "subject/logits.h"

namespace dvi {

/// What the classifier makes of all recorded samples.
struct Outputs {
  Matrix features, logits;  ///< [N, D], [N, C]
  std::vector<Verdict> verdicts;
};

class Recording {
 public:
  struct Source {
    std::string name, role;
    ImageSet images;
  };
  /// Starts the run directory options.out; `sources` become its groups, in order.
  Recording(const std::string& scenario, const ScenarioOptions& options, const std::string& run_name,
            std::vector<std::string> classes, std::vector<Source> sources);

  /// A column of the whole run; `shown` is its entry in run.json's "columns" (see
  /// docs/reference/run-format.md), an object.
  void column(const std::string& name, std::span<const float> values, Json shown);
  /// How a column that epochs have is to be shown.
  void show_column(const std::string& name, Json shown) { manifest_.columns[name] = std::move(shown); }
  /// Writes everything but the epochs. Columns come before.
  void begin();

  const Group& group(const std::string& name) const;
  int64_t sample_count() const { return manifest_.sample_count(); }
  const std::vector<int32_t>& labels() const { return labels_; }

  /// Pixels that groups have at one epoch only, by name.
  using ChangedPixels = std::map<std::string, std::vector<uint8_t>>;
  /// Adds to an epoch what the scenario has beyond the usual: columns, a training set, scalars.
  using Extra = std::function<void(EpochWriter&, const Outputs&, Json& scalars)>;
  /// Records the classifier as it is now: subject.pt, features and logits (computed with the file just
  /// written, so that they belong together) and, by group, loss and accuracy (train_loss, train_accuracy,
  /// ...).
  Outputs record(int epoch, const Classifier&, const ChangedPixels& changed = {}, const Extra& extra = {});
  /// Recording is over.
  void finish() { writer_->finish(); }

 private:
  Outputs compute_outputs(const std::filesystem::path& subject_file, const ChangedPixels&) const;
  Json usual_scalars(const Outputs&) const;

  Json scenario_;
  ScenarioOptions options_;
  Manifest manifest_;
  std::vector<Source> sources_;
  std::vector<int32_t> labels_;
  std::vector<std::pair<std::string, std::vector<float>>> columns_;
  std::unique_ptr<RunWriter> writer_;
};

}  // namespace dvi
