// What the search for causes reads of a recorded epoch: features as they lie on disk, probabilities, head.
#pragma once

#include <optional>
#include <vector>

#include "core/npy.h"
#include "run/run.h"
#include "subject/subject_model.h"

namespace dvi {

class RecordedEpoch {
 public:
  /// Throws Error if an array is missing or breaks the format.
  RecordedEpoch(const Run& run, int number);

  int number() const { return number_; }
  MatrixView features() const { return features_; }                         ///< [N, D]
  MatrixView logits() const { return logits_; }                             ///< [N, C]
  MatrixView probabilities() const { return probabilities_; }               ///< [N, C], softmax of the logits
  const std::vector<int32_t>& predictions() const { return predictions_; }  ///< [N]
  /// Ids of the labelled samples that the subject model was trained on at this epoch, ascending.
  const std::vector<int32_t>& trained_on() const { return trained_on_; }
  /// The head, where it is linear.
  const std::optional<LinearHead>& head() const { return head_; }

 private:
  int number_;
  NpyArray file_;
  Matrix converted_;  // features that are stored as float16
  MatrixView features_;
  RecordedRows logits_;
  Matrix probabilities_;
  std::vector<int32_t> predictions_, trained_on_;
  std::optional<LinearHead> head_;
};

}  // namespace dvi
