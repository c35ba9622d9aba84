// How far the margin of a reconstruction is from the margin of the sample: DVI's boundary-distance property
// (Yang et al., AAAI 2022, section 3), asked of every sample.
#pragma once

#include <cstdint>
#include <span>

#include "subject/logits.h"

namespace dvi {

/// (m_c(logits) - verdict.margin)^2 for c = verdict.prediction. m_c is the delta-boundary margin towards
/// class c: (z_c - the largest other z) / (largest z - smallest z), for two classes the difference of their
/// probabilities. It is negative where another class is predicted. Adds weight * its gradient to `gradient`
/// [C], the gradient by `logits` [C].
double margin_error(const Verdict& verdict, std::span<const float> logits, float weight,
                    std::span<float> gradient);

}  // namespace dvi
