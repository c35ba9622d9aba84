// A preset: one way to make a projection of an epoch. The presets there are: fit/presets.cpp.
//
// An epoch is *prepared* when it is loaded. When all epochs of a batch are, they are *settled* together, so
// that each knows what comes before and after it. Then each is *finished*.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/file.h"
#include "core/scratch_file.h"
#include "fit/projection.h"

namespace dvi {

/// What a preset has made of an epoch before its turn. It may refer to the samples, which outlive it.
class Preparation {
 public:
  virtual ~Preparation() = default;
  /// What the next epoch's preparation is given; null where the preset keeps none.
  virtual std::shared_ptr<const PresetState> state() const { return nullptr; }
  virtual int64_t large_bytes() const { return 0; }  ///< of what is large in it
  /// Takes that out of memory, into the file, which outlives this.
  virtual void put_aside(ScratchFile&) {}
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
  /// Whether settle() does anything, so that it is worth preparing many epochs before one is finished.
  virtual bool settles() const { return false; }
  /// `before`: null at the first epoch. Throws Error where the preset cannot do with the epoch.
  virtual std::unique_ptr<Preparation> prepare(const SampleSets&, const EpochData&, const EpochBefore* before,
                                               uint64_t seed) const = 0;
  /// Makes preparations of consecutive epochs fit each other. `previous`: the epoch before the first of them,
  /// which stays as it is; null if there is none.
  virtual void settle(std::span<Preparation* const>, const FittedEpoch* /*previous*/) const {}
  /// `data`: what `Preparation` was made of. `previous`: null at the first epoch.
  virtual Projection finish(const Preparation&, const EpochData& data, const FittedEpoch* previous,
                            uint64_t seed) const = 0;
  /// What PresetState::save() stored there; null where there is none.
  virtual std::shared_ptr<const PresetState> load_state(const std::filesystem::path& /*epoch_folder*/,
                                                        const SampleSets&) const {
    return nullptr;
  }
};

}  // namespace dvi
