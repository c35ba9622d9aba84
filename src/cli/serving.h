// What `dvi serve` does, for other commands that end in serving.
#pragma once

#include "server/viewer_server.h"

namespace dvi {

/// Serves, prints the address on standard output and returns when the program is told to end (Ctrl-C,
/// SIGTERM).
void serve_until_told_to_end(const ViewerServerOptions&);

}  // namespace dvi
