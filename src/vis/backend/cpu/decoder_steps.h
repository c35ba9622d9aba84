// The decoder's part of a training step on the processor: the squared error of the features that it leads
// back to, and the divergence (vis/divergence.h) between what the classifier says of them and of the sample.
#pragma once

#include <vector>

#include "vis/adam.h"
#include "vis/backend/cpu/batch_share.h"
#include "vis/mlp.h"

namespace dvi {

/// forward(), judge() and backward() follow each other for each share.
class DecoderSteps {
 public:
  DecoderSteps(const DistillProblem&, Precision, int workers, Mlp& decoder);
  /// Decodes the share's places, jittered by numbers that `step` chooses; by all workers at once.
  void forward(int worker, const BatchShare&, int64_t step);
  /// The divergence and its gradient; by all workers at once if the head is linear, else one after the other.
  void judge(int worker, const BatchShare&);
  /// Adds a worker's share of the gradient; by all workers at once.
  void backward(int worker, const BatchShare&);
  void update(float learning_rate);

  void forget_losses();
  /// Sums over samples since forget_losses(): squared error as a mean over FeatureUnits::filled_dimensions,
  /// and divergence.
  double loss() const;
  double divergence() const;

 private:
  struct Worker {
    Mlp::Trace trace;
    Matrix places, logits, features, by_output;  // by_output: the divergence's gradient
    double loss = 0, divergence = 0;
  };
  const DistillProblem& problem_;
  Precision precision_;
  Mlp& decoder_;
  Adam adam_;
  std::vector<Worker> workers_;
  std::vector<std::vector<float>> gradients_;  // one a worker
};

}  // namespace dvi
