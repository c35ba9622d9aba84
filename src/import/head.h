// The linear head of an imported model: found among the tensors of a state dict, or solved from what it did.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "import/torch_file.h"

namespace dvi {

/// logits = features * weight^T + bias.
struct ImportedHead {
  Matrix weight;            ///< [C, D]
  std::vector<float> bias;  ///< [C]
  std::string name;         ///< of the weight in the state dict; empty if solved
};

/// Every pair of a weight [class_count, feature_dim] and its bias (zeros where there is none) in a state
/// dict, the likeliest first: those named like a head (prediction, head, classifier, fc, ...), then from the
/// last to the first.
std::vector<ImportedHead> heads_by_name(const std::vector<NamedTensor>& state, int64_t class_count,
                                        int64_t feature_dim);

/// Least squares of `logits` [N, C] over `features` [N, D] and a constant: the normal equations in float64
/// with a ridge of 1e-10 of their mean diagonal, by Cholesky. At most max(8 D, 20000) samples, evenly spread,
/// are used.
ImportedHead solve_head(MatrixView features, MatrixView logits);

/// Root mean square of (features * weight^T + bias - logits), divided by the standard deviation of `logits`:
/// 0 for the exact head.
double head_residual(const ImportedHead&, MatrixView features, MatrixView logits);

/// [N, C].
Matrix apply_head(const ImportedHead&, MatrixView features);

}  // namespace dvi
