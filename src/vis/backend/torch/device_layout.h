// The layout through LibTorch, for graphics processors: the same steps as run_layout() takes on the
// processor, of all points at once. Implemented in the plugin dvi_torch.
#pragma once

#include "core/plugin.h"
#include "vis/layout.h"

namespace dvi {

/// As run_layout() (vis/layout.h). Charges are added up as whole numbers and edges in their order, so it
/// gives the same picture each time. Throws Error where the device fails; frame and positions are as before.
extern PluginFunction<void(const LayoutProblem&, std::span<const LayoutPhase> phases, MutMatrixView positions,
                           const std::function<void(int, int)>& on_iteration)>
    run_device_layout;

}  // namespace dvi
