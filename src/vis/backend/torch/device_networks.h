// The trained networks applied to many samples through LibTorch, for graphics processors. Implemented in the
// plugin dvi_torch.
#pragma once

#include <span>

#include "core/plugin.h"
#include "subject/subject_model.h"
#include "vis/plane_decoder.h"
#include "vis/plane_encoder.h"

namespace dvi {

/// PlaneEncoder::apply(): `features` [n, D] -> `out` [n, 2]. Throws Error where the device fails.
extern PluginFunction<void(const PlaneEncoder&, MatrixView features, MutMatrixView out)> encode_on_device;

/// What a decoder makes of `points` [n, 2]: the `logits` [n, C] that the head gives it, and the mean square
/// of its difference to `features` [n, D], `errors` [n]. Throws Error where the device fails.
extern PluginFunction<void(const PlaneDecoder&, const LinearHead&, MatrixView points, MatrixView features,
                           MutMatrixView logits, std::span<float> errors)>
    decode_on_device;

}  // namespace dvi
