// Versions of the view format (docs/reference/run-format.md, "Views").
#pragma once

namespace dvi {

/// What view.json calls its version. Earlier ones are read as well: the decoder of version 1 has no feature
/// grids; in version 2 samples that are not of role train were laid out along with the train samples; up to
/// version 3 the encoder has no landmarks.
constexpr int view_version = 4;

}  // namespace dvi
