// Versions of the view format (docs/reference/run-format.md, "Views").
#pragma once

#include "core/file.h"

namespace dvi {

/// What view.json calls its version. Version 1 is read as well: some keys had other names there.
constexpr int view_version = 2;

/// view.json and view_epoch.json with the keys of version 1 renamed to today's.
Json with_current_view_keys(Json view);
Json with_current_epoch_keys(Json view_epoch);

}  // namespace dvi
