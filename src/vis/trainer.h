// Training of the default preset's networks. Where it happens is a backend's affair: backend/cpu and
// backend/torch take the same steps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "linalg/gemm.h"
#include "vis/distill_problem.h"
#include "vis/distill_schedule.h"
#include "vis/plane_decoder.h"

namespace dvi {

/// Adam's largest learning rates.
struct DecoderRates {
  double network = 0, grid = 0;
};

/// Both functions start from the weights that a network has and call `on_step(i)` in the calling thread when
/// i steps have been handed out. The result depends on the arguments and, on the processor, on the number of
/// threads.
class Trainer {
 public:
  using OnStep = std::function<void(int64_t)>;
  virtual ~Trainer() = default;
  virtual std::string device() const = 0;  ///< "processor", or LibTorch's "cuda" or "cpu"
  /// Returns the sum over the last pass of KL(shares || softmax of the network's output).
  virtual double train_encoder(const EncoderProblem&, const DistillSchedule&, double rate, Mlp&,
                               const OnStep&) = 0;
  virtual DecoderLosses train_decoder(const DecoderProblem&, const DistillSchedule&, const DecoderRates&,
                                      PlaneDecoder&, const OnStep&) = 0;
};

enum class TrainingDevice {
  fastest,      ///< on a CUDA device if LibTorch finds one and the head is linear, else on the processor
  processor,    ///< by this project's own kernels
  torch,        ///< for tests: through LibTorch wherever it runs (only linear heads)
  torch_eager,  ///< for tests: the same, its steps on a CUDA device not captured as a graph
};

std::unique_ptr<Trainer> make_trainer(TrainingDevice, bool linear_head, Precision);

}  // namespace dvi
