// What a row of logits says: predicted class, runner-up, confidence and the delta-boundary margin (DVI, AAAI
// 2022, sec. 3.1).
#pragma once

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "run/delta_boundary.h"

namespace dvi {

/// Of one sample. m = (top1 - top2) / (top1 - min) of its logits, 0 where all are equal (for two
/// classes, where it would always be 1, m = p1 - p2 of the probabilities); the sample is on the
/// boundary when m < delta (0.1 for samples, 0.15 when painting the landscape).
struct Verdict {
  int32_t prediction = 0, runner_up = 0;
  float confidence = 0;  ///< softmax probability of the prediction
  float margin = 0;
};

Verdict judge(std::span<const float> logits);
/// One Verdict a row.
std::vector<Verdict> judge(MatrixView logits);
/// Softmax probability of class `c`.
float probability(std::span<const float> logits, int32_t c);

}  // namespace dvi
