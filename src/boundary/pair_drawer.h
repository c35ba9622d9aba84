// Which two samples to mix next: class pairs by success and need, samples by nearness to the other class.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// Two samples predicted as different classes.
struct SamplePair {
  int32_t first, second;      ///< sample ids
  int32_t class_pair;         ///< in PairDrawer::class_pairs()
  std::array<int32_t, 2> of;  ///< the predicted classes of first and second; of[0] < of[1]
};

/// Class pairs (i, j) are drawn with p ~ a * success + (1 - a) * need; success is the share of bisections of
/// the pair that were accepted, need is max(0, mean - count) of accepted samples, both normalised. Samples of
/// class i are drawn with p ~ 1 / (logit_i - logit_j + 1e-4), by prefix sums.
class PairDrawer {
 public:
  /// `ids` are rows of `logits` [N, C]. A class that is never predicted is in no pair.
  PairDrawer(MatrixView logits, std::span<const int32_t> ids, double success_weight, uint64_t seed);

  /// All pairs of predicted classes, i < j; empty if fewer than two classes are predicted.
  const std::vector<std::array<int32_t, 2>>& class_pairs() const { return class_pairs_; }
  /// Pairs of one class pair are neighbours in the result. The same for every number of threads.
  std::vector<SamplePair> draw(int64_t count);
  /// Tells how `attempts` bisections of a class pair went.
  void record(int32_t class_pair, int64_t attempts, int64_t accepted);

 private:
  std::vector<double> class_pair_weights() const;
  /// Running sums of the sample weights of `members` of class i towards class j.
  void running_weights(int32_t i, int32_t j, std::vector<double>& out) const;

  MatrixView logits_;
  double success_weight_;
  uint64_t seed_, round_ = 0;
  std::vector<std::vector<int32_t>> members_;  // by predicted class
  std::vector<std::array<int32_t, 2>> class_pairs_;
  std::vector<int64_t> attempts_, accepted_;  // by class pair
};

}  // namespace dvi
