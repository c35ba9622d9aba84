// The decoder's training steps on the processor: the squared error of the features that it leads back to, the
// divergence (vis/divergence.h) between what the classifier says of them and of the sample, and the error of
// the margin (vis/margin_error.h).
#pragma once

#include <span>
#include <vector>

#include "vis/adam.h"
#include "vis/trainer.h"

namespace dvi {

/// forward(), judge() and backward() follow each other for each worker's rows of a batch.
class DecoderSteps {
 public:
  DecoderSteps(const DecoderProblem&, int64_t batch, Precision, int workers, PlaneDecoder& decoder);
  /// Decodes places, jittered by numbers that `step` chooses. `features`, those of the places' sources, have
  /// to stay until backward(). By all workers at once.
  void forward(int worker, std::span<const int32_t> rows, MatrixView features, int64_t step);
  /// The gradient by what the classifier says; by all workers at once if the head is linear, else one after
  /// the other.
  void judge(int worker);
  /// Adds a worker's part of the gradient; by all workers at once.
  void backward(int worker);
  void update(const DecoderRates&);

  void forget_losses();
  /// Sums over samples since forget_losses(): squared error as a mean over FeatureUnits::filled_dimensions,
  /// and divergence.
  DecoderLosses losses() const;

 private:
  struct Worker {
    std::vector<int32_t> sources;
    Matrix places;
    MatrixView targets;  // the sources' features
    PlaneDecoder::Trace trace;
    MutMatrixView decoded;
    Matrix logits, features, by_decoded, by_encoding;
    std::vector<float> by_margin;
    DecoderLosses losses;
  };
  const DecoderProblem& problem_;
  int64_t batch_;
  Precision precision_;
  PlaneDecoder& decoder_;
  Adam network_adam_, grid_adam_;
  std::vector<Worker> workers_;
  std::vector<std::vector<float>> network_gradients_, grid_gradients_;  // one a worker
};

}  // namespace dvi
