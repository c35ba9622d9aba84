// The default preset: a layout, then networks that reproduce it (docs/explanation/method.md).
#pragma once

#include "fit/preset.h"
#include "fit/standard/standard_options.h"

namespace dvi {

class StandardPreset : public Preset {
 public:
  explicit StandardPreset(const StandardOptions& options = {}) : options_(options) {}
  Json settings() const override { return to_json(options_); }
  /// How many of the epochs after it an epoch is settled with (EpochLayout::settled).
  size_t look_ahead() const override { return 2; }
  /// Makes the draft of the epoch's layout, which is the preset's state.
  std::unique_ptr<Preparation> prepare(const SampleSets&, const EpochData&, const EpochBefore* before,
                                       uint64_t seed) const override;
  Projection finish(const Preparation&, std::span<const Preparation* const> after,
                    const FittedEpoch* previous, uint64_t seed) const override;
  std::shared_ptr<const PresetState> load_state(const std::filesystem::path& epoch_folder,
                                                int64_t samples) const override;

 private:
  StandardOptions options_;
};

}  // namespace dvi
