// What a notebook and the pages that it opened share.
#pragma once

#include "server/api.h"
#include "server/sessions.h"

namespace dvi {

/// `sessions` must outlive the router.
void add_session_routes(Router&, ApiState&, Sessions& sessions);

}  // namespace dvi
