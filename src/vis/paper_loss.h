// The terms of DVI's objective (DVI, AAAI 2022, sec. 3.2 to 3.5) with their gradients. All of them work on a
// part of a batch, so that workers can share one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"
#include "vis/umap_curve.h"

namespace dvi {

/// Pairs of a batch's edges that should be apart: `from` of edge k / per_edge with `to` of edge other[k] /
/// per_edge, so that every end occurs per_edge times.
struct Negatives {
  int per_edge = 0;
  std::vector<int32_t> other;    ///< [edges * per_edge], a permutation
  std::vector<int32_t> inverse;  ///< other[inverse[k]] = k
  void draw(int64_t edges, int negatives_per_edge, Random& random);
};

/// UMAP's cross-entropy of a batch of m edges whose ends lie at `from` and `to` [m, 2]: the mean over the m
/// pairs that are edges of -log q(d), and the m * per_edge that are not of -log(1 - q(d)); probabilities are
/// clamped to [1e-4, 1], and where one is clamped there is no gradient. Returns the share of edges [begin,
/// end) and their negatives in that mean, and writes the whole loss's gradient by the ends [begin, end) to
/// those rows of the gradients [m, 2].
double umap_cross_entropy(const UmapCurve& curve, MatrixView from, MatrixView to, const Negatives& negatives,
                          int64_t begin, int64_t end, MutMatrixView from_gradient, MutMatrixView to_gradient);

/// scale * sum over rows and features of weight * (feature - reconstruction)^2. `weights[i]` points to row
/// i's D weights. The gradient by the reconstructions [n, D] replaces them.
double reconstruction_loss(MatrixView features, std::span<const float* const> weights, float scale,
                           MutMatrixView reconstructions);

/// strength * ||parameters - previous||^2; adds the gradient.
double weight_penalty(std::span<const float> parameters, std::span<const float> previous, float strength,
                      std::span<float> gradient);

}  // namespace dvi
