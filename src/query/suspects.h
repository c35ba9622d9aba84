// Samples worth a look: likely wrong labels, ambiguous samples, unstable trajectories.
//
// Four published scores, computed over the fitted epochs of a view for every sample with a label:
// - area under the margin (Pleiss et al., NeurIPS 2020): mean over epochs of the label's logit less the
// largest other one,
//   here divided by the range of the sample's logits (as in the delta-boundary), so in [-1, 1]. Low: the
//   model keeps contradicting the label.
// - forgetting events (Toneva et al., ICLR 2019): how often a right prediction became wrong.
// - confidence and variability of dataset cartography (Swayamdipta et al., EMNLP 2020): mean and standard
// deviation over
//   epochs of the probability of the label. Low confidence: hard to learn; high variability: ambiguous.
// - neighbour disagreement: share of the nearest neighbours in feature space that have another label, mean of
// up to five
//   epochs spread over the run (the idea of edited nearest neighbours, Wilson 1972, taken before the label is
//   memorised).
// Margins and probabilities are exact where the run has recorded logits.npy. Elsewhere they follow from what
// the view stores: exactly where the prediction is the label; where it is not, the label's margin is only
// known to lie between -1 and minus the stored margin (exactly there if the label is the runner-up), and the
// middle is taken; the rest of the probability goes to the runner-up if that is the label, and is shared
// evenly by the other classes if not.
//
// The scores are standardised over the samples and added up with fixed weights. What a user accepts (worth
// it) or rejects (is fine) adapts the weights by logistic regression with a Gaussian prior around the fixed
// ones, so that a few answers shift the ranking and many decide it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "run/run.h"
#include "run/view.h"

namespace dvi {

struct Suspect {
  int32_t id = 0;
  double score = 0;    ///< 0 to 1, higher = more suspicious
  std::string kind;    ///< "wrong label", "ambiguous" or "unstable"
  std::string reason;  ///< in words
  double area_under_margin = 0, forgetting_events = 0, confidence = 0, variability = 0,
         neighbor_disagreement = 0;
};

/// Ranks samples; the scores are computed once, by the constructor.
class SuspectRanking {
 public:
  /// `run` must outlive the ranking. Throws Error if the view has no fitted epoch.
  SuspectRanking(const Run& run, const View& view);

  /// The `limit` most suspicious samples, first the worst; judged ones are left out.
  std::vector<Suspect> top(size_t limit, std::span<const int32_t> accepted = {},
                           std::span<const int32_t> rejected = {}) const;
  /// One sentence for users: what the ranking rests on.
  std::string method() const;

 private:
  static constexpr size_t feature_count = 6;
  using Features = std::array<float, feature_count>;
  using Weights = std::array<double, feature_count + 1>;  // and a bias

  struct Scores {
    float margin = 0, confidence = 0, variability = 0, disagreement = 0;
    int32_t forgotten = 0, flips = 0;
  };
  void add_epochs();
  void add_neighbors();
  void standardise();
  Weights weights_after(std::span<const int32_t> accepted, std::span<const int32_t> rejected) const;
  double score(const Weights& weights, size_t id) const;
  std::string kind_of(size_t id) const;
  std::string reason_for(const std::string& kind, size_t id) const;

  const Run& run_;
  View view_;
  bool exact_ = true;               ///< all epochs have recorded logits
  std::vector<Scores> scores_;      // [N]
  std::vector<Features> features_;  // [N] standardised
  std::vector<int> neighbor_epochs_;
};

}  // namespace dvi
