// A visualization model as an ONNX file, for programs that know nothing of views.
#pragma once

#include <string>

#include "vis/autoencoder.h"

namespace dvi {

enum class OnnxPart {
  encoder,  ///< "features" [n, D] -> "places" [n, 2]
  decoder,  ///< "places" [n, 2] -> "decoded" [n, D]
  both      ///< "features" [n, D] -> "places" [n, 2] and "decoded" [n, D], what is decoded there
};

/// A model of opset 13, float32, n free. Features are as recorded: `feature_scale` is what the model's own
/// are times those (run/feature_scale.h). The decoder's feature grids become gathers and interpolations. The
/// format: onnx.proto of https://github.com/onnx/onnx, IR version 7.
std::string onnx_model(const Autoencoder& model, float feature_scale, OnnxPart part);

}  // namespace dvi
