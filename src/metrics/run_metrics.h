// The temporal metrics of a view, from its stored arrays.
#pragma once

#include "metrics/temporal.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

struct RunMetrics {
  TemporalMetrics train, test;
};

/// Over all fitted epochs of the view, on at most `samples` samples of each role, drawn with a fixed seed.
/// Throws Error if an array is missing or damaged.
RunMetrics run_metrics(const Run&, const View&, int64_t samples = 5000);

/// "run" of `dvi eval --json`: temporal_pearson, tlr and tnn_3 of the train samples (as they are published),
/// then all of "train" and of "test".
Json to_json(const RunMetrics&);

}  // namespace dvi
