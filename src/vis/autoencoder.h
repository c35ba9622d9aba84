// A visualization model: the encoder projects feature vectors to the plane, the decoder inverse-projects.
#pragma once

#include "run/view.h"
#include "vis/mlp.h"
#include "vis/plane_decoder.h"

namespace dvi {

struct Autoencoder {
  Mlp encoder;           ///< D -> 2
  PlaneDecoder decoder;  ///< 2 -> D
};

/// The model stored in weights.npy. Throws Error if the weights do not fit the widths in view_epoch.json.
Autoencoder load_autoencoder(const ViewEpoch&);

}  // namespace dvi
