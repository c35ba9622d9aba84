// The encoder's training steps on the processor: the divergence between the landmarks' shares of a sample and
// what the network makes of them.
#pragma once

#include <span>
#include <vector>

#include "vis/adam.h"
#include "vis/distill_problem.h"
#include "vis/mlp.h"

namespace dvi {

class EncoderSteps {
 public:
  EncoderSteps(const EncoderProblem&, int64_t batch, Precision, int workers, Mlp& encoder);
  /// Adds the gradient of a worker's rows of a batch, whose `features` [rows.size(), r] these are; by all
  /// workers at once.
  void add_gradient(int worker, std::span<const int32_t> rows, MatrixView features);
  void update(float learning_rate);

  void forget_losses();
  double loss() const;  ///< sum of the divergence over samples since forget_losses()

 private:
  struct Worker {
    Mlp::Trace trace;
    double loss = 0;
  };
  const EncoderProblem& problem_;
  float batch_;
  Precision precision_;
  Mlp& encoder_;
  Adam adam_;
  std::vector<Worker> workers_;
  std::vector<std::vector<float>> gradients_;  // one a worker
};

}  // namespace dvi
