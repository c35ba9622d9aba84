// Samples that were never recorded, placed in a served view.
#pragma once

#include "server/api.h"

namespace dvi {

/// Keeps the projectors that were used last.
void add_project_routes(Router&, ApiState&);

}  // namespace dvi
