// `--preset paper`: the published method (docs/explanation/method.md, "The paper preset").
#pragma once

#include "fit/projection.h"

namespace dvi {

/// Attention temperature of the published settings: 0.3 for CIFAR-10, 0.1 for Fashion-MNIST, 0.02 for MNIST.
constexpr float paper_temperature = 0.1f;

Json paper_settings();

/// Throws Error if there are no boundary samples to build the boundary-wise complex from.
Projection fit_paper(const SampleSets&, const EpochData&, const PreviousEpoch* previous, uint64_t seed);

}  // namespace dvi
