// Why did a sample change between two recorded epochs? The train samples that pushed it, and how far to
// believe the answer (docs/explanation/causes.md).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "causes/step_pushes.h"
#include "core/file.h"
#include "run/run.h"

namespace dvi {

/// A change to explain: what raised `to_class` over `from_class` for the sample between two recorded epochs.
struct Change {
  int32_t sample = 0;
  int from = 0, to = 0;  ///< recorded epochs, from < to
  int32_t from_class = 0, to_class = 0;
};

struct Pusher {
  int32_t id = 0;
  double share = 0;        ///< of all pushes in this direction, 0 to 1
  int32_t label = -1;      ///< what the sample is labelled with
  int32_t prediction = 0;  ///< what it was predicted as at the earlier epoch
};

/// How often the sum of pushes has the sign of what happened to the samples outside the training set whose
/// prediction changed over an interval; a coin would reach .5.
struct HitRate {
  int64_t hits = 0, flips = 0;
  /// Nothing where nothing flipped.
  std::optional<double> rate() const;
  /// Lower end of Wilson's interval with 95 % confidence (Wilson, JASA 1927), 0 without flips.
  double lower_bound() const;
};

struct Explanation {
  Change change;
  std::vector<Pusher> pushers;  ///< towards to_class, strongest first
  std::vector<Pusher> against;  ///< towards from_class, strongest first
  HitRate hit_rate;
  /// Share of the change that the recorded heads account for, 0 to 1: the heads' own movement over the
  /// sample's mean features. The rest came with the sample's features. Absent where a head is not linear.
  std::optional<double> explained;
  double margin_change = 0;     ///< of logit(to_class) - logit(from_class), as recorded
  double predicted_change = 0;  ///< the sum of all pushes
  /// Whether the answer may be believed: the hit rate is above a coin's with 95 % confidence, and the pushes
  /// on this sample add up to the direction in which it went. `doubt` says what speaks against it.
  bool known() const { return doubt.empty(); }
  std::string doubt;
};

/// What many samples have in common.
struct CommonCauses {
  int from = 0, to = 0;
  int64_t samples = 0;          ///< whose change was explained
  int64_t changed = 0;          ///< of those given, how many changed their prediction
  std::vector<Pusher> pushers;  ///< share: mean over the samples, each of which counts alike
  std::vector<Pusher> against;
  HitRate hit_rate;
};

/// Causes in one run. Steps between epochs are prepared when first needed and kept; thread-safe.
class Causes {
 public:
  /// `run` must outlive it. Throws Error if fewer than two epochs are recorded.
  explicit Causes(const Run& run, GainModel model = GainModel::fitted);

  /// The recorded epochs as they were when this was made.
  const std::vector<int>& epochs() const { return epochs_; }

  /// What to explain of a sample where not all is said. Without epochs: its last flip. With one of them: the
  /// step that begins or ends there. The classes are those predicted at both epochs; where they are the same,
  /// `to_class` is the label if it is another one, else the runner-up at the later epoch. Throws Error for an
  /// unknown sample or epoch, or if the sample never flipped and no epoch is named.
  Change change_of(int32_t sample, std::optional<int> from = {}, std::optional<int> to = {}) const;

  /// Those of `samples` whose prediction differs between the epochs.
  std::vector<int32_t> changed(std::span<const int32_t> samples, int from, int to) const;

  /// At most `limit` pushers in each direction.
  Explanation explain(const Change&, size_t limit = 20) const;
  std::vector<Explanation> explain(std::span<const Change>, size_t limit = 20) const;

  /// [N]: each sample's share of all pushes in its direction, positive towards `to_class`, negative towards
  /// `from_class`, 0 for those that were not trained on.
  std::vector<float> shares(const Change&) const;

  /// Mean of the shares over those of `samples` that changed between the epochs, and how many changed; as
  /// common() looks at them. All 0 where none did.
  struct MeanShares {
    int64_t changed = 0;
    std::vector<float> shares;  ///< [N]
  };
  MeanShares mean_shares(std::span<const int32_t> samples, int from, int to,
                         size_t most_samples = 1000) const;

  /// Train samples behind the changes that `samples` made between the epochs; at most `most_samples` of them
  /// are looked at, evenly spread.
  CommonCauses common(std::span<const int32_t> samples, int from, int to, size_t limit = 20,
                      size_t most_samples = 1000) const;

  /// Of the samples outside the training set that flipped between the epochs.
  HitRate hit_rate(int from, int to) const;

 private:
  const RecordedEpoch& recorded(int epoch) const;
  const StepPushes& step(size_t first) const;
  size_t index_of(int epoch, const char* what) const;
  std::vector<const StepPushes*> steps(int from, int to) const;
  /// Ids of all that pushed in any of the steps, ascending; pushes [changes, ids].
  std::vector<int32_t> push_all(std::span<const Change>, int from, int to, Matrix& pushes) const;
  /// Changes that `samples` made, `changed` of them; at most `most`, evenly spread.
  std::vector<Change> changes_of(std::span<const int32_t> samples, int from, int to, size_t most,
                                 int64_t& changed) const;
  /// Sums of the shares over the changes, each direction by itself, aligned with the ids returned.
  std::vector<int32_t> sum_shares(std::span<const Change>, int from, int to, std::vector<float>& towards,
                                  std::vector<float>& away) const;
  std::optional<double> explained(const Change&) const;
  std::vector<Pusher> strongest(std::span<const int32_t> ids, std::span<const float> pushes, double sign,
                                size_t limit, int epoch) const;

  const Run& run_;
  GainModel model_;
  std::vector<int> epochs_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::unique_ptr<RecordedEpoch>> recorded_;
  mutable std::map<size_t, std::unique_ptr<StepPushes>> steps_;
  mutable std::map<std::pair<int, int>, HitRate> hit_rates_;
};

/// {"sample", "from", "to", "from_class", "to_class", "hit_rate", "explained", "pushers": [{"id", "share",
/// "label", "prediction"}], "against": [...], "flips", "margin_change", "predicted_change", "known",
/// "doubt"}: classes, labels and predictions as numbers, null where something is not known.
Json to_json(const Explanation&);
Json to_json(const CommonCauses&);
std::string to_text(const Explanation&, const Run& run);
std::string to_text(const CommonCauses&, const Run& run);

}  // namespace dvi
