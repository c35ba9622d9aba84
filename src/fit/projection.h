// What a preset makes of an epoch.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/stopwatch.h"
#include "fit/epoch_data.h"
#include "project/relocation.h"
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
  Matrix positions;                      ///< [N, 2], as shown
  Matrix boundary_positions;             ///< [M, 2]
  Matrix evaluation_boundary_positions;  ///< [.., 2]
  /// Before the last step moved points to where the ground agrees with them; empty where nothing is moved.
  Matrix fitted_positions, fitted_evaluation_positions;
  /// How far each sample, and each boundary sample of the evaluation, was moved then, as a share of the
  /// picture's side; empty likewise.
  std::vector<float> moved, evaluation_moved;
  std::optional<RelocationLimits> relocation;  ///< of that step; none where there is none
  bool shows_encoder = false;                  ///< positions are the encoder's own
  std::shared_ptr<const PresetState> state;    ///< null where the preset keeps none
  StageSeconds seconds;
  Json details = Json::object();  ///< counts and losses for view_epoch.json
};

}  // namespace dvi
