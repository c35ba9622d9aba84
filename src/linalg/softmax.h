// The softmax of a row of logits, in vectors.
#pragma once

#include <span>

namespace dvi {

/// `logits` becomes its softmax; returns log(sum(exp(logits))). The relative error of a share is below 3e-7
/// and 1.5e-7 for each unit that its logit is below the largest one. `logits` is not empty and finite.
float softmax(std::span<float> logits);

}  // namespace dvi
