// A preset: one way to make a projection of an epoch. The presets there are: fit/presets.cpp.
//
// An epoch is *prepared* when it is loaded and *finished* when its turn comes. In between, later epochs may
// be prepared, so that it can be finished knowing what comes after it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/file.h"
#include "fit/projection.h"

namespace dvi {

/// What a preset has made of an epoch before its turn. It may refer to the samples and the data it was made
/// of, which outlive it.
class Preparation {
 public:
  virtual ~Preparation() = default;
  /// What the next epoch's preparation is given; null where the preset keeps none.
  virtual std::shared_ptr<const PresetState> state() const { return nullptr; }
};

/// The epoch before, as a preparation needs it: it need not be fitted yet.
struct EpochBefore {
  const ClassifierSnapshot& classifier;
  const PresetState* state;  ///< of this preset; null where it keeps none
};

/// The epoch before, as it was fitted.
struct FittedEpoch {
  int number = 0;
  Autoencoder model;
  Matrix positions;  ///< [N, 2], as shown
  ClassifierSnapshot classifier;
  std::shared_ptr<const PresetState> state;
};

class Preset {
 public:
  virtual ~Preset() = default;
  /// Stored in view.json; a view is only gone on with by the same settings.
  virtual Json settings() const = 0;
  /// How many of the epochs after it finish() wants to know.
  virtual size_t look_ahead() const { return 0; }
  /// `before`: null at the first epoch. Throws Error where the preset cannot do with the epoch.
  virtual std::unique_ptr<Preparation> prepare(const SampleSets&, const EpochData&, const EpochBefore* before,
                                               uint64_t seed) const = 0;
  /// `after`: the preparations of the epochs that follow, in order, at most look_ahead(); empty where none is
  /// known. `previous`: null at the first epoch.
  virtual Projection finish(const Preparation&, std::span<const Preparation* const> after,
                            const FittedEpoch* previous, uint64_t seed) const = 0;
  /// What PresetState::save() stored there, of `samples` samples; null where there is none.
  virtual std::shared_ptr<const PresetState> load_state(const std::filesystem::path& /*epoch_folder*/,
                                                        int64_t /*samples*/) const {
    return nullptr;
  }
};

}  // namespace dvi
