// Settles the layouts of consecutive epochs, so that samples travel between epochs in proportion to their
// features (docs/explanation/method.md).
//
// A layout that knows only the epoch before wanders: its steps do not add up to a way, and what one epoch
// does the next undoes. So every sample hangs on two springs (EpochLayout::springs), to where it is in the
// epoch before and to where it is in the epoch after. Sweeps go over all epochs, forwards and back, and relax
// one epoch after the other.
#pragma once

#include <functional>
#include <span>

#include "fit/standard/epoch_layout.h"

namespace dvi {

/// `epochs` in order. `before` [N, 2]: where samples are shown in the epoch before the first of them, which
/// stays as it is; empty: there is none. `on_step(i, of)` is called after each relaxation.
void settle(std::span<EpochLayout* const> epochs, MatrixView before, int sweeps,
            const std::function<void(int, int)>& on_step = {});

}  // namespace dvi
