// Training of the default preset's networks through LibTorch, for graphics processors: the same steps as
// distill.cpp takes on the processor. Implemented in the plugin dvi_torch. All that the steps need lies on
// the device before the first, and nothing waits for the device before the last is done
// (vis/torch/device_steps.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "core/plugin.h"
#include "vis/autoencoder.h"

namespace dvi {

/// In the units that the networks are trained in (vis/distill.cpp).
struct DistillProblem {
  MatrixView features;               ///< [n, r]
  MatrixView positions;              ///< [n, 2]
  MatrixView logits;                 ///< [n, C]
  std::span<const int32_t> sources;  ///< [m] rows of these, one for each place
  MatrixView places;                 ///< [m, 2] that the decoder leads back from
  MatrixView head_weight;            ///< [C, r] of the linear head
  std::span<const float> head_bias;  ///< [C]
  float sharpness = 1;               ///< logits times this before distributions are compared
  float jitter = 0;                  ///< of the positions that the decoder sees
  float reconstruction_weight = 1;
  uint64_t seed = 0;  ///< of the jitter
};

/// What is known of all steps before the first.
struct DistillSchedule {
  int64_t batch = 0;          ///< samples a step
  std::vector<int32_t> rows;  ///< [steps * batch] places, in the order in which they are visited
  std::vector<double> rates;  ///< Adam's learning rate of each step
  int64_t last_pass = 0;      ///< step with which the last pass begins
  int64_t steps() const { return static_cast<int64_t>(rates.size()); }
};

struct DistillLosses {  ///< sums over the samples of the last pass
  double encoder = 0, decoder = 0, divergence = 0;
};

/// Where LibTorch trains: "cuda" if it finds such a device, else "cpu".
extern PluginFunction<std::string()> torch_device;

/// Trains the networks of `model` from the weights that they have, on torch_device(). `capture`: a step is
/// captured there once and replayed, else handed out anew each time, which only tests and benchmarks want.
/// `on_step(i)` is called in the calling thread when i steps have been handed out.
extern PluginFunction<DistillLosses(const DistillProblem&, const DistillSchedule&, bool capture,
                                    Autoencoder& model, const std::function<void(int64_t)>& on_step)>
    distill_with_torch;

}  // namespace dvi
