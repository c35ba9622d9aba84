// Everything measured on a view: the stored metrics of its epochs and the metrics over the run.
#pragma once

#include <string>

#include "core/file.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

/// {"epochs": [{"epoch", "seconds": {stage: s}, "train": {...}, "test": {...}, "boundary": {...},
///              "all": {...}}],
///  "run": {...}, "view", "references": {"train", "test"}}
/// as `dvi eval --json` prints it. Epochs come from metrics.json and view_epoch.json, "run" is measured here
/// (run_metrics). Throws Error if the view has no fitted epoch.
Json evaluation(const Run&, const View&);

/// The same for people: a table of one line an epoch for each question, and what the names mean.
std::string evaluation_text(const Json& evaluation);

}  // namespace dvi
