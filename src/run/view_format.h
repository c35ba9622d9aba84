// Versions of the view format (docs/reference/run-format.md, "Views").
#pragma once

namespace dvi {

/// What view.json calls its version. Views of version 1 are read as well: their decoder has no feature grids.
constexpr int view_version = 2;

}  // namespace dvi
