// DVI's objective over a batch of edges (DVI, AAAI 2022, sec. 3.5): UMAP cross-entropy + attention-weighted
// reconstruction + weight penalty, and its gradient, shared by all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "linalg/gemm.h"
#include "vis/attention.h"
#include "vis/autoencoder.h"
#include "vis/paper_loss.h"

namespace dvi {

/// Edges from[e] - to[e] (rows of the features) and the pairs that should be apart.
struct PaperBatch {
  std::vector<int32_t> from, to;
  Negatives negatives;
};

/// Means over a batch, or over the batches of a pass.
struct PaperLosses {
  double umap = 0, reconstruction = 0, temporal = 0;
  double total() const { return umap + reconstruction + temporal; }
};

class PaperObjective {
 public:
  /// `features` [n, D] and `attention` of n samples must outlive the objective. Reconstruction counts feature
  /// d of a sample (1 + attention)^attention_exponent times; it is the mean over the D features and both ends
  /// of the edges.
  PaperObjective(MatrixView features, const Attention& attention, const UmapCurve& curve,
                 float attention_exponent, Precision precision);
  ~PaperObjective();

  /// From here on temporal_strength * ||W - W_previous||^2, over all parameters, is part of the objective.
  /// `previous` must outlive it.
  void set_previous(const Autoencoder& previous, float temporal_strength);

  /// The objective at `model`; each worker adds its share of the gradient to its own gradients.
  PaperLosses evaluate(const Autoencoder& model, const PaperBatch& batch);

  /// One vector a worker, sized as the parameters; their sum is the gradient. To be zeroed by who uses them
  /// (Adam::step does).
  std::span<std::vector<float>> encoder_gradients() { return encoder_gradients_; }
  std::span<std::vector<float>> decoder_gradients() { return decoder_gradients_; }

 private:
  struct Worker;

  MatrixView features_;
  const Attention& attention_;
  UmapCurve curve_;
  Precision precision_;
  Matrix feature_weights_;  // (1 + attention)^exponent, rows as in the attention's table
  const Autoencoder* previous_ = nullptr;
  float temporal_strength_ = 0;
  std::vector<std::vector<float>> encoder_gradients_, decoder_gradients_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Matrix from_, to_, from_gradient_, to_gradient_;  // positions of the batch's edges [m, 2]
};

}  // namespace dvi
