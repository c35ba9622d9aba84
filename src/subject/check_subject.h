// `dvi check`, second part: whether the subject model of every epoch is the one whose outputs were recorded.
#pragma once

#include "run/check.h"

namespace dvi {

/// Computes again what each epoch holds twice, and reports where the two differ, naming the epoch:
/// the logits of all samples, from features and head; those of some samples, from inputs and subject.pt; and
/// GROUP_accuracy of epoch.json, from labels and logits. `run` must have passed check_run().
void check_subjects(const Run& run, CheckReport& report);

/// Largest difference of a softmax probability between two matrices of logits [n, C], the row it is at, and
/// the share of rows whose greatest logit is another.
struct LogitDifference {
  double largest = 0, other_predictions = 0;
  int64_t row = 0;
};
LogitDifference compare_logits(MatrixView a, MatrixView b);

}  // namespace dvi
