// Training of networks with linear heads through LibTorch, for graphics processors: the same steps as
// backend/cpu takes. Implemented in the plugin dvi_torch. All that the steps need lies on the device before
// the first, and nothing waits for the device before the last is done (vis/backend/torch/device_steps.h).
#pragma once

#include <memory>
#include <string>

#include "core/device.h"
#include "vis/trainer.h"

namespace dvi {

/// `capture`: a step is captured on a CUDA device once and replayed, else handed out anew each time, which
/// only tests and benchmarks want. What it trains throws Error where the device fails.
extern PluginFunction<std::unique_ptr<Trainer>(bool capture)> make_torch_trainer;

}  // namespace dvi
