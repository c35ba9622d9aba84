#include "vis/feature_units.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "linalg/gemm.h"

namespace dvi {
namespace {

/// A network of the given widths, its layers from `first` to `last` copied.
Mlp with_layers_of(const Mlp& from, std::vector<int64_t> widths, int first, int last) {
  Random unused(0);
  Mlp to(std::move(widths), unused);
  for (int l = first; l <= last; ++l) {
    const MatrixView w = from.weight(l);
    std::copy(w.data, w.data + w.rows * w.cols, to.weight(l).data);
    std::copy(from.bias(l).begin(), from.bias(l).end(), to.bias(l).begin());
  }
  return to;
}

std::vector<int64_t> widths_from(const Mlp& mlp, int64_t input) {
  std::vector<int64_t> widths = mlp.widths();
  widths.front() = input;
  return widths;
}

std::vector<int64_t> widths_to(const Mlp& mlp, int64_t output) {
  std::vector<int64_t> widths = mlp.widths();
  widths.back() = output;
  return widths;
}

}  // namespace

FeatureUnits FeatureUnits::of(MatrixView features, int64_t dimensions) {
  FeatureUnits units{principal_subspace(features, dimensions), 1};
  const double variance = units.subspace.total_variance /
                          static_cast<double>(std::min<int64_t>(filled_dimensions, features.cols));
  units.scale = variance > 0 ? static_cast<float>(1 / std::sqrt(variance)) : 1.f;
  return units;
}

void FeatureUnits::to_units(MatrixView features, MutMatrixView x) const {
  subspace.project(features, x);
  for (int64_t i = 0; i < x.rows * x.cols; ++i) x.data[i] *= scale;
}

void FeatureUnits::from_units(MatrixView x, MutMatrixView features) const {
  multiply(x, subspace.basis, features);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t l = 0; l < features.cols; ++l)
      features(i, l) = features(i, l) / scale + subspace.mean[static_cast<size_t>(l)];
}

void FeatureUnits::gradient_to_units(MatrixView gradient, MutMatrixView x) const {
  multiply(gradient, transposed(subspace.basis), x);
  for (int64_t i = 0; i < x.rows * x.cols; ++i) x.data[i] /= scale;
}

Mlp fold_encoder(const Mlp& small, const FeatureUnits& features) {
  const int64_t d = features.feature_dim();
  Mlp out = with_layers_of(small, widths_from(small, d), 1, small.layers() - 1);
  // First layer: W x = scale * W B (f - mean)
  const MatrixView w = small.weight(0);
  const MutMatrixView to = out.weight(0);
  multiply(w, features.subspace.basis, to);
  for (int64_t i = 0; i < w.rows; ++i) {
    double shift = 0;
    for (int64_t l = 0; l < d; ++l)
      shift +=
          static_cast<double>(to(i, l) *= features.scale) * features.subspace.mean[static_cast<size_t>(l)];
    out.bias(0)[static_cast<size_t>(i)] = small.bias(0)[static_cast<size_t>(i)] - static_cast<float>(shift);
  }
  return out;
}

Mlp fold_decoder(const Mlp& small, const FeatureUnits& features) {
  const int64_t d = features.feature_dim(), r = features.dimensions();
  const int last = small.layers() - 1;
  Mlp out = with_layers_of(small, widths_to(small, d), 0, last - 1);
  // Last layer: f = mean + B^T x / scale
  const MatrixView w = small.weight(last);
  const MutMatrixView to = out.weight(last);
  multiply(transposed(features.subspace.basis), w, to);
  for (int64_t l = 0; l < d; ++l) {
    for (int64_t j = 0; j < w.cols; ++j) to(l, j) /= features.scale;
    double b = 0;
    for (int64_t i = 0; i < r; ++i)
      b += static_cast<double>(features.subspace.basis(i, l)) * small.bias(last)[static_cast<size_t>(i)];
    out.bias(last)[static_cast<size_t>(l)] =
        features.subspace.mean[static_cast<size_t>(l)] + static_cast<float>(b) / features.scale;
  }
  return out;
}

Mlp unfold_encoder(const Mlp& whole, const FeatureUnits& features) {
  const int64_t d = features.feature_dim(), r = features.dimensions();
  Mlp out = with_layers_of(whole, widths_from(whole, r), 1, whole.layers() - 1);
  const MatrixView first = whole.weight(0);
  const MutMatrixView to = out.weight(0);
  multiply(first, transposed(features.subspace.basis), to);
  for (int64_t i = 0; i < first.rows; ++i) {
    double shift = 0;
    for (int64_t l = 0; l < d; ++l)
      shift += static_cast<double>(first(i, l)) * features.subspace.mean[static_cast<size_t>(l)];
    for (int64_t l = 0; l < r; ++l) to(i, l) /= features.scale;
    out.bias(0)[static_cast<size_t>(i)] = whole.bias(0)[static_cast<size_t>(i)] + static_cast<float>(shift);
  }
  return out;
}

Mlp unfold_decoder(const Mlp& whole, const FeatureUnits& features) {
  const int64_t d = features.feature_dim(), r = features.dimensions();
  const int last = whole.layers() - 1;
  Mlp out = with_layers_of(whole, widths_to(whole, r), 0, last - 1);
  const MatrixView w = whole.weight(last);
  const MutMatrixView to = out.weight(last);
  multiply(features.subspace.basis, w, to);
  for (int64_t i = 0; i < r; ++i) {
    for (int64_t j = 0; j < w.cols; ++j) to(i, j) *= features.scale;
    double b = 0;
    for (int64_t l = 0; l < d; ++l)
      b += static_cast<double>(features.subspace.basis(i, l)) *
           (whole.bias(last)[static_cast<size_t>(l)] - features.subspace.mean[static_cast<size_t>(l)]);
    out.bias(last)[static_cast<size_t>(i)] = static_cast<float>(b) * features.scale;
  }
  return out;
}

}  // namespace dvi
