// A visualization model: the encoder projects feature vectors to the plane, the decoder inverse-projects.
#pragma once

#include "vis/mlp.h"

namespace dvi {

struct Autoencoder {
  Mlp encoder;  ///< D -> 2
  Mlp decoder;  ///< 2 -> D
};

}  // namespace dvi
