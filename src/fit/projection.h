// What a preset makes of an epoch.
#pragma once

#include "core/stopwatch.h"
#include "fit/epoch_data.h"
#include "vis/autoencoder.h"

namespace dvi {

/// The fitted epoch before, from memory or from disk: what a later one is tied to.
struct PreviousEpoch {
  int number = 0;
  Autoencoder model;
  Matrix positions;  ///< [N, 2], as shown
  EarlierEpoch earlier;
};

struct Projection {
  Autoencoder model;
  Matrix positions;                      ///< [N, 2], as shown
  Matrix boundary_positions;             ///< [M, 2]
  Matrix evaluation_boundary_positions;  ///< [.., 2]
  Matrix draft;                          ///< [N, 2] of the default preset: EarlierEpoch
  bool shows_encoder = false;            ///< positions are the encoder's own
  StageSeconds seconds;
  Json details = Json::object();  ///< counts and losses for view_epoch.json
};

}  // namespace dvi
