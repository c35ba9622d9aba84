// The default preset: a layout, then networks that reproduce it (docs/explanation/method.md).
#pragma once

#include "fit/preset.h"
#include "fit/standard/standard_options.h"

namespace dvi {

class StandardPreset : public Preset {
 public:
  explicit StandardPreset(const StandardOptions& options = {}) : options_(options) {}
  Json settings() const override { return to_json(options_); }
  bool settles() const override { return true; }
  /// Makes the draft of the epoch's layout, which is the preset's state.
  std::unique_ptr<Preparation> prepare(const SampleSets&, const EpochData&, const EpochBefore* before,
                                       uint64_t seed) const override;
  void settle(std::span<Preparation* const>, const FittedEpoch* previous) const override;
  Projection finish(const Preparation&, const EpochData&, const FittedEpoch* previous,
                    uint64_t seed) const override;
  std::shared_ptr<const PresetState> load_state(const std::filesystem::path& epoch_folder,
                                                const SampleSets&) const override;

 private:
  StandardOptions options_;
};

}  // namespace dvi
