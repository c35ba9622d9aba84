// How well samples are placed that the picture does not know: the test samples and the boundary samples of
// the evaluation once more, this time as `dvi project` would place them.
#pragma once

#include "fit/epoch_data.h"
#include "fit/projection.h"
#include "graph/plane_neighbors.h"
#include "landscape/landscape.h"
#include "metrics/metrics.h"

namespace dvi {

/// Sets new_test, test_among_train and new_boundary, as far as there are such samples; nothing where the
/// preset has no last step, because new samples are then placed by the encoder as recorded ones are. Only
/// train samples, their places and the networks are made use of. `among_train`: the train samples (ids) as
/// they are shown.
void measure_new_samples(const SampleSets&, const EpochData&, const Projection&, const Landscape&,
                         const Extent&, const PlaneIndex& among_train, EpochMetrics& metrics);

}  // namespace dvi
