#include "vis/mlp.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"

namespace dvi {
namespace {

// Rows that pass through all layers together in apply(): their activations stay in the cache.
constexpr int64_t apply_rows = 256;

DVI_MULTIVERSION void add_bias(float* __restrict out, int64_t rows, int64_t cols,
                               const float* __restrict bias) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) out[i * cols + j] += bias[j];
}

DVI_MULTIVERSION void add_bias_relu(float* __restrict out, int64_t rows, int64_t cols,
                                    const float* __restrict bias) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      const float v = out[i * cols + j] + bias[j];
      out[i * cols + j] = v > 0 ? v : 0;
    }
}

DVI_MULTIVERSION void add_columns(const float* __restrict gradient, int64_t rows, int64_t cols,
                                  float* __restrict sum) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) sum[j] += gradient[i * cols + j];
}

/// Through a ReLU whose outputs were `activation`, and the bias's gradient in the same pass.
DVI_MULTIVERSION void mask_and_add_columns(float* __restrict gradient, const float* __restrict activation,
                                           int64_t rows, int64_t cols, float* __restrict sum) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      const float g = activation[i * cols + j] > 0 ? gradient[i * cols + j] : 0;
      gradient[i * cols + j] = g;
      sum[j] += g;
    }
}

/// A view of the first rows of `matrix`, which is made larger if it must be.
MutMatrixView room_for(Matrix& matrix, int64_t rows, int64_t cols) {
  if (matrix.rows() < rows || matrix.cols() != cols) matrix = Matrix(rows, cols);
  return matrix.mut().slice(0, rows);
}

size_t count_parameters(const std::vector<int64_t>& widths, std::vector<size_t>& offsets) {
  if (widths.size() < 2)
    fail("a network needs at least an input and an output width, but {} were given", widths.size());
  size_t total = 0;
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    if (widths[l] < 1 || widths[l + 1] < 1)
      fail("widths of a network must be positive, but one is {}", std::min(widths[l], widths[l + 1]));
    offsets.push_back(total);
    total += static_cast<size_t>((widths[l] + 1) * widths[l + 1]);
  }
  return total;
}

}  // namespace

Mlp::Mlp(std::vector<int64_t> widths, Random& random) : widths_(std::move(widths)) {
  parameters_.resize(count_parameters(widths_, offsets_));
  for (int l = 0; l < layers(); ++l) {
    const double bound = 1 / std::sqrt(static_cast<double>(widths_[static_cast<size_t>(l)]));
    const auto begin = offsets_[static_cast<size_t>(l)];
    const auto end = begin + static_cast<size_t>(weight(l).rows * (weight(l).cols + 1));
    for (auto i = begin; i < end; ++i)
      parameters_[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
  }
}

Mlp::Mlp(std::vector<int64_t> widths, std::vector<float> parameters) : widths_(std::move(widths)) {
  const auto expected = count_parameters(widths_, offsets_);
  if (parameters.size() != expected)
    fail("a network of widths {} has {} parameters, but {} were given", fmt::join(widths_, "-"), expected,
         parameters.size());
  parameters_ = std::move(parameters);
}

MutMatrixView Mlp::weight(int layer) {
  const auto l = static_cast<size_t>(layer);
  return {parameters_.data() + offsets_[l], widths_[l + 1], widths_[l]};
}
MatrixView Mlp::weight(int layer) const {
  const auto l = static_cast<size_t>(layer);
  return {parameters_.data() + offsets_[l], widths_[l + 1], widths_[l]};
}
std::span<float> Mlp::bias(int layer) {
  const auto w = weight(layer);
  return {w.row(w.rows), static_cast<size_t>(w.rows)};
}
std::span<const float> Mlp::bias(int layer) const {
  const auto w = weight(layer);
  return {w.row(w.rows), static_cast<size_t>(w.rows)};
}

void Mlp::apply_layer(int layer, MatrixView in, MutMatrixView out, Precision precision) const {
  // A product narrower than the processor's tiles gains nothing from bf16, and a place in the plane would
  // only have its three first digits.
  constexpr int64_t tile_columns = 16;
  const auto w = weight(layer);
  multiply(in, transposed(w), out, w.rows < tile_columns ? Precision::f32 : precision);
  if (layer + 1 == layers())
    add_bias(out.data, out.rows, out.cols, bias(layer).data());
  else
    add_bias_relu(out.data, out.rows, out.cols, bias(layer).data());
}

void Mlp::apply(MatrixView in, MutMatrixView out, Precision precision) const {
  struct Scratch {
    Matrix odd, even;
  };
  std::vector<Scratch> scratch(static_cast<size_t>(threads()));
  parallel_for(in.rows, apply_rows, [&](int64_t begin, int64_t end, int worker) {
    auto& mine = scratch[static_cast<size_t>(worker)];
    const int64_t n = end - begin;
    const int64_t widest = *std::max_element(widths_.begin(), widths_.end());
    MatrixView from = in.slice(begin, n);
    for (int l = 0; l < layers(); ++l) {
      MutMatrixView to = out.slice(begin, n);
      if (l + 1 < layers()) {
        to = room_for(l % 2 ? mine.odd : mine.even, apply_rows, widest);
        to.rows = n;
        to.cols = widths_[static_cast<size_t>(l) + 1];
      }
      apply_layer(l, from, to, precision);
      from = to;
    }
  });
}

MutMatrixView Mlp::forward(MatrixView in, Trace& trace, Precision precision) const {
  trace.activations.resize(static_cast<size_t>(layers()));
  trace.rows = in.rows;
  MatrixView from = in;
  for (int l = 0; l < layers(); ++l) {
    const auto to =
        room_for(trace.activations[static_cast<size_t>(l)], in.rows, widths_[static_cast<size_t>(l) + 1]);
    apply_layer(l, from, to, precision);
    from = to;
  }
  return trace.output();
}

void Mlp::backward(MatrixView in, Trace& trace, MutMatrixView output_gradient, std::span<float> gradient,
                   MutMatrixView* input_gradient, Precision precision) const {
  const int64_t n = trace.rows;
  MutMatrixView g = output_gradient.slice(0, n);  // of the layer's output before its ReLU
  for (int l = layers() - 1; l >= 0; --l) {
    const auto w = weight(l);
    float* weight_gradient = gradient.data() + offsets_[static_cast<size_t>(l)];
    float* bias_gradient = weight_gradient + w.rows * w.cols;
    if (l + 1 == layers())
      add_columns(g.data, n, w.rows, bias_gradient);
    else
      mask_and_add_columns(g.data, trace.activations[static_cast<size_t>(l)].data(), n, w.rows,
                           bias_gradient);
    // Room that a larger batch left has more rows than this one.
    const MatrixView from = (l == 0 ? in : trace.activations[static_cast<size_t>(l) - 1].view()).slice(0, n);
    multiply_add(transposed(g), from, {weight_gradient, w.rows, w.cols}, precision);
    if (l == 0 && !input_gradient) return;
    const MutMatrixView next =
        l == 0 ? *input_gradient : room_for(trace.gradients[static_cast<size_t>(l % 2)], n, w.cols);
    multiply(g, w, next, precision);
    g = next;
  }
}

}  // namespace dvi
