// Who pushed whom between two recorded epochs a < b: the influence that each train sample had, through its
// loss, on the logits of any other sample.
//
// One step of gradient descent on the cross-entropy of train sample z changes the logits of x, through a
// linear head over features f, by about
//
//   (f(x) . f(z) + 1) (y(z) - p(z)),   y one-hot label, p probabilities:
//
// TracIn (Pruthi et al., NeurIPS 2020) restricted to the last layer. Between two recorded epochs there are
// many steps, of an optimizer that we do not know, in batches that we did not see, and only the residuals
// y - p at both ends are known. So what z contributed over the interval is taken as
//
//   alpha(z)_c = g_a(c, group(z)) (y - p_a)(z)_c + g_b(c, group(z)) (y - p_b)(z)_c,   g >= 0,
//
// with a gain for each logit c, end and group of train samples (its label, or with many classes whether
// label(z) = c). The gains are the non-negative least-squares fit of the predicted changes to how the
// logits of the train samples did change: they know what the optimizer did without being told, and a sample
// can still only push along its own loss. Nothing that happened to x itself, or to any sample outside the
// training set, enters; so how often the sum of all pushes goes the way that held-out samples went measures
// how far to believe it (hit rates in docs/explanation/causes.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "causes/recorded_epoch.h"

namespace dvi {

enum class GainModel {
  fitted,      ///< as above
  start_only,  ///< g_a = 1, g_b = 0: TracIn from the earlier epoch alone, to compare with
};

class StepPushes {
 public:
  /// Both epochs must outlive this; `labels` [N], -1 = none.
  StepPushes(const RecordedEpoch& a, const RecordedEpoch& b, std::span<const int32_t> labels,
             GainModel model = GainModel::fitted);

  const RecordedEpoch& before() const { return a_; }
  const RecordedEpoch& after() const { return b_; }
  /// The samples that pushed, ascending: those trained on at the later epoch.
  const std::vector<int32_t>& train() const { return b_.trained_on(); }

  /// Predicted change of logit(to) - logit(from) of a sample: the sum of all pushes.
  double predicted(int32_t sample, int32_t from, int32_t to) const;

  /// Adds to pushes [samples, train] how much each train sample moved logit(to[i]) - logit(from[i]) of
  /// samples[i]: positive towards `to`.
  void add_pushes(std::span<const int32_t> samples, std::span<const int32_t> from,
                  std::span<const int32_t> to, MutMatrixView pushes) const;

 private:
  const RecordedEpoch& a_;
  const RecordedEpoch& b_;
  Matrix alpha_;  // [train, C]
  Matrix sums_;   // [C, D + 1]: sum over z of alpha(z)_c (f(z), 1)
};

}  // namespace dvi
