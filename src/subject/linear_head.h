// A linear head's two products, over all threads: used for heads recorded as arrays and for TorchScript heads
// that turn out to be linear.
#pragma once

#include "subject/subject_model.h"

namespace dvi {

/// logits [n, C] = features [n, D] * weight^T + bias. Throws Error if the shapes do not fit.
void apply_linear_head(const LinearHead&, MatrixView features, MutMatrixView logits);

/// out [n, D] = cotangent [n, C] * weight: the same whatever the features are.
void linear_head_vjp(const LinearHead&, MatrixView cotangent, MutMatrixView out);

}  // namespace dvi
