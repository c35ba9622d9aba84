// The verdicts of a block of cells, in bytes.
#pragma once

#include <cstdint>

#include "core/matrix.h"

namespace dvi {

/// The same as judge() of subject/logits.h for each row of `logits` [n, C], but vectorised over the rows, and
/// in the landscape's units. `scratch` holds 128 * C floats.
void judge_rows(MatrixView logits, float* scratch, uint16_t* classes, uint8_t* confidence, uint8_t* margin);

}  // namespace dvi
