// Multilayer perceptrons with ReLU between layers: the encoder and the decoder of a visualization model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"
#include "linalg/gemm.h"

namespace dvi {

/// Parameters lie in one array, layer by layer: weight [out, in] row-major, then bias [out], as weights.npy
/// stores them.
class Mlp {
 public:
  Mlp() = default;
  /// `widths`: input, hidden layers, output, e.g. {512, 256, 256, 256, 256, 2}. Weights are drawn as
  /// PyTorch's nn.Linear draws them (uniform in +-1/sqrt(fan in)).
  Mlp(std::vector<int64_t> widths, Random& random);
  /// With given parameters; throws Error if their number does not fit the widths.
  Mlp(std::vector<int64_t> widths, std::vector<float> parameters);

  const std::vector<int64_t>& widths() const { return widths_; }
  int64_t input_dim() const { return widths_.front(); }
  int64_t output_dim() const { return widths_.back(); }
  int layers() const { return static_cast<int>(widths_.size()) - 1; }
  std::span<float> parameters() { return parameters_; }
  std::span<const float> parameters() const { return parameters_; }
  /// weight [widths[l + 1], widths[l]] of layer l and its bias, inside parameters().
  MutMatrixView weight(int layer);
  MatrixView weight(int layer) const;
  std::span<float> bias(int layer);
  std::span<const float> bias(int layer) const;

  /// out [n, output_dim] for in [n, input_dim], rows split over all threads.
  void apply(MatrixView in, MutMatrixView out, Precision precision = best_precision()) const;

  /// Activations of one worker's share of a batch, kept between forward and backward.
  struct Trace {
    std::vector<Matrix> activations;  ///< after each layer (and its ReLU), [n, widths[l + 1]]
    Matrix gradients[2];              ///< scratch
    int64_t rows = 0;
    MutMatrixView output() { return activations.back().mut().slice(0, rows); }
  };
  /// In the calling thread; returns the output [n, output_dim], which lives in `trace`; backward does not
  /// need it, so that its gradient may take its place. `in` must stay valid until backward.
  MutMatrixView forward(MatrixView in, Trace& trace, Precision precision) const;
  /// Adds the gradient of the parameters to `gradient` (sized as parameters()). `output_gradient` [n,
  /// output_dim] is overwritten. If `input_gradient` is given ([n, input_dim]) it is written.
  void backward(MatrixView in, Trace& trace, MutMatrixView output_gradient, std::span<float> gradient,
                MutMatrixView* input_gradient, Precision precision) const;

 private:
  void apply_layer(int layer, MatrixView in, MutMatrixView out, Precision precision) const;

  std::vector<int64_t> widths_;
  std::vector<size_t> offsets_;  // of each layer's weight in parameters_
  std::vector<float> parameters_;
};

}  // namespace dvi
