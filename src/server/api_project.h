// Samples that were never recorded, placed in a served view.
#pragma once

#include "project/new_samples.h"
#include "server/api.h"
#include "server/sessions.h"

namespace dvi {

/// What a request holds to be placed, as docs/reference/http-api.md says. Throws HttpError, or Error for what
/// does not suit the run.
NewSamples samples_in(ServedRun& run, const Json& body);

/// Keeps the projectors that were used last. `sessions` must outlive the router.
void add_project_routes(Router&, ApiState&, const Sessions& sessions);

}  // namespace dvi
