// Plain supervised training, recorded often at first and rarely later: the standard scenario, and
// many-classes.
#pragma once

#include "scenarios/recording.h"

namespace dvi {

struct Plan {
  int epochs;      ///< recorded
  int64_t passes;  ///< over the train samples
};

/// Trains a new classifier on data.train and records it. `recording` has not begun.
void train_standard(Recording& recording, const ImageData& data, const Plan& plan, uint64_t seed);

}  // namespace dvi
