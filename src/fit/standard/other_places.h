// Where the default preset puts the samples of an epoch that are not of role train: as `dvi project` places
// samples (project/places_among.h), among the train samples once their layout is settled. They are recorded
// at every epoch, so springs hold them in time, as these hold train samples.
#pragma once

#include <optional>
#include <vector>

#include "fit/standard/settling.h"
#include "project/places_among.h"

namespace dvi {

class OtherPlaces : public Settled {
 public:
  /// `before`: what the classifier made of the epoch before; null at the first. `disagreement_strength`:
  /// LayoutNeighbors::strength; the springs are weaker by as much.
  OtherPlaces(const SampleSets&, const EpochData&, const ClassifierSnapshot* before,
              double disagreement_strength, const StandardOptions&);
  /// Among train samples that lie at `train` [m, 2]. Called once, before anything below.
  void place(MatrixView train);
  void relax(const SpringEnds& before, const SpringEnds& after) override;
  Matrix sample_positions() const override { return positions_; }  ///< [n, 2] in the order of other_ids
  std::span<const float> springs() const override { return springs_; }
  /// What relax() needs.
  void drop_neighbors() { places_.reset(); }

 private:
  Neighbors nearest_;                    // until they are placed
  std::vector<Opinion> own_, of_train_;  // likewise
  std::optional<PlacesAmong> places_;
  std::vector<float> springs_;
  Matrix positions_;
};

}  // namespace dvi
