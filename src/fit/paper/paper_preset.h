// `--preset paper`: the published method (docs/explanation/method.md, "The paper preset").
#pragma once

#include "fit/preset.h"

namespace dvi {

class PaperPreset : public Preset {
 public:
  Json settings() const override;
  /// The two complexes and the attention. Throws Error if there are no boundary samples to build the
  /// boundary-wise complex from.
  std::unique_ptr<Preparation> prepare(const SampleSets&, const EpochData&, const EpochBefore* before,
                                       uint64_t seed) const override;
  Projection finish(const Preparation&, const EpochData&, const FittedEpoch* previous,
                    uint64_t seed) const override;
};

}  // namespace dvi
