// A visualization model: the encoder projects feature vectors to the plane, the decoder inverse-projects.
#pragma once

#include "run/view.h"
#include "vis/plane_decoder.h"
#include "vis/plane_encoder.h"

namespace dvi {

struct Autoencoder {
  PlaneEncoder encoder;  ///< D -> 2
  PlaneDecoder decoder;  ///< 2 -> D
};

/// The model stored in weights.npy. Throws Error if the weights do not fit the widths in view_epoch.json.
Autoencoder load_autoencoder(const ViewEpoch&);

}  // namespace dvi
