// Findings, and the train samples behind changes.
#pragma once

#include "server/api.h"

namespace dvi {

/// Keeps what it has found out of each run, until the run or the view grows.
void add_cause_routes(Router&, ApiState&);

}  // namespace dvi
