// Training of the default preset's networks through LibTorch, for graphics processors: the same steps as
// distill.cpp takes on the processor. Everything that a step needs lies on the device; a step is only
// enqueued, and nothing waits for the device before the losses are read at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/matrix.h"
#include "vis/autoencoder.h"

namespace dvi {

/// In the units that the networks are trained in (vis/distill.cpp).
struct DistillProblem {
  MatrixView features;               ///< [n, r]
  MatrixView positions;              ///< [n, 2]
  MatrixView logits;                 ///< [n, C]
  MatrixView head_weight;            ///< [C, r] of the linear head
  std::span<const float> head_bias;  ///< [C]
  float sharpness = 1;               ///< logits times this before distributions are compared
  float jitter = 0;                  ///< of the positions that the decoder sees
  float reconstruction_weight = 1;
  uint64_t seed = 0;
};

class TorchDistiller {
 public:
  virtual ~TorchDistiller() = default;
  /// The rows that the steps to come take their batches from; sums of losses begin anew.
  virtual void begin_pass(std::span<const int32_t> rows) = 0;
  /// One step of Adam for both networks on rows [begin, begin + count) of the pass.
  virtual void step(int64_t begin, int64_t count, double learning_rate) = 0;
  /// Sums over the samples of the last pass, and the weights into `model`.
  struct Losses {
    double encoder = 0, decoder = 0, divergence = 0;
  };
  virtual Losses finish(Autoencoder& model) = 0;
  virtual std::string device() const = 0;  ///< "cuda" or "cpu"

  /// Starts from the weights of `model`. Null if the program was built without LibTorch, or if `cuda_only`
  /// and LibTorch finds no CUDA device.
  static std::unique_ptr<TorchDistiller> make(const DistillProblem&, const Autoencoder& model,
                                              bool cuda_only);
};

}  // namespace dvi
