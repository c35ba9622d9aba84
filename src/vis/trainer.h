// Training of the default preset's networks. Where it happens is a backend's affair: backend/cpu and
// backend/torch take the same steps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "linalg/gemm.h"
#include "vis/autoencoder.h"
#include "vis/distill_problem.h"
#include "vis/distill_schedule.h"

namespace dvi {

class Trainer {
 public:
  virtual ~Trainer() = default;
  virtual std::string device() const = 0;  ///< "processor", or LibTorch's "cuda" or "cpu"
  /// Trains both networks of `model` from the weights that they have. `on_step(i)` is called in the calling
  /// thread when i steps have been handed out. The result depends on the arguments and, on the processor, on
  /// the number of threads.
  virtual DistillLosses train(const DistillProblem&, const DistillSchedule&, Autoencoder& model,
                              const std::function<void(int64_t)>& on_step) = 0;
};

enum class TrainingDevice {
  fastest,      ///< on a CUDA device if LibTorch finds one and the head is linear, else on the processor
  processor,    ///< by this project's own kernels
  torch,        ///< for tests: through LibTorch wherever it runs (only linear heads)
  torch_eager,  ///< for tests: the same, its steps on a CUDA device not captured as a graph
};

std::unique_ptr<Trainer> make_trainer(TrainingDevice, bool linear_head, Precision);

}  // namespace dvi
