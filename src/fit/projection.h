// What a preset makes of an epoch.
#pragma once

#include <filesystem>
#include <memory>

#include "core/stopwatch.h"
#include "fit/epoch_data.h"
#include "vis/autoencoder.h"

namespace dvi {

/// What a preset carries from epoch to epoch besides what is shown; stored with the fitted epoch.
class PresetState {
 public:
  virtual ~PresetState() = default;
  virtual void save(const std::filesystem::path& epoch_folder) const = 0;
};

struct Projection {
  Autoencoder model;
  Matrix positions;                          ///< [N, 2], as shown
  Matrix boundary_positions;                 ///< [M, 2]
  Matrix evaluation_boundary_positions;      ///< [.., 2]
  bool shows_encoder = false;                ///< positions are the encoder's own
  std::shared_ptr<const PresetState> state;  ///< null where the preset keeps none
  StageSeconds seconds;
  Json details = Json::object();  ///< counts and losses for view_epoch.json
};

}  // namespace dvi
