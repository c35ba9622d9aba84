// Membership strengths through LibTorch, for graphics processors: the bisections of all samples at once.
// Implemented in the plugin dvi_torch.
#pragma once

#include <vector>

#include "core/plugin.h"
#include "graph/neighbors.h"

namespace dvi {

/// membership_strengths() (graph/fuzzy_set.h) with a local connectivity of 1. Throws Error where the device
/// fails.
extern PluginFunction<std::vector<float>(const Neighbors&, double mean_distance)> device_membership_strengths;

}  // namespace dvi
