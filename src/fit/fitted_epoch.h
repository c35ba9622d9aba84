// The fitted epoch before, from memory or from disk: what a later one is tied to.
#pragma once

#include "fit/preset.h"
#include "run/view.h"

namespace dvi {

/// As it is in memory when its fit has ended.
FittedEpoch fitted_epoch(const EpochData&, const Projection&, ClassifierSnapshot);

/// As the view has it; the same to the byte.
FittedEpoch load_fitted_epoch(const ViewEpoch&, const SampleSets&, const Preset&);

}  // namespace dvi
