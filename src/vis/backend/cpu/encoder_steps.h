// The encoder's part of a training step on the processor: the mean squared distance between where it puts
// samples and where they lie.
#pragma once

#include <vector>

#include "vis/adam.h"
#include "vis/backend/cpu/batch_share.h"
#include "vis/mlp.h"

namespace dvi {

class EncoderSteps {
 public:
  EncoderSteps(const DistillProblem&, Precision, int workers, Mlp& encoder);
  /// Adds a worker's share of the gradient; by all workers at once.
  void add_gradient(int worker, const BatchShare&);
  void update(float learning_rate);

  void forget_losses();
  double loss() const;  ///< sum over samples of half the squared distance, since forget_losses()

 private:
  struct Worker {
    Mlp::Trace trace;
    double loss = 0;
  };
  const DistillProblem& problem_;
  Precision precision_;
  Mlp& encoder_;
  Adam adam_;
  std::vector<Worker> workers_;
  std::vector<std::vector<float>> gradients_;  // one a worker
};

}  // namespace dvi
