// What the layout's steps on the processor and those through LibTorch share.
#pragma once

#include "vis/layout.h"

namespace dvi {

namespace layout_steps {
constexpr float longest_step = 5, least_gain = 0.01f;
constexpr double frame_room = 1.6;       // points still move apart when the frame is set
constexpr float frame_softness = 0.98f;  // what is left of the way outside after an iteration
}  // namespace layout_steps

/// Presses positions that lie in a long row into a square, and returns the frame around them.
LayoutFrame set_frame(MutMatrixView positions);

/// What edge weights are multiplied by, so that they are probabilities, which sum to 1 over all pairs.
float attraction_scale(const LayoutProblem&);

}  // namespace dvi
