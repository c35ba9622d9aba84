#include "fit/standard/other_places.h"

#include <cmath>

#include "core/release.h"

namespace dvi {

OtherPlaces::OtherPlaces(const SampleSets& sets, const EpochData& data, const ClassifierSnapshot* before,
                         double disagreement_strength, const StandardOptions& options) {
  if (sets.other_ids.empty()) return;
  const RowRange own = owned_rows(std::ssize(sets.other_ids));
  nearest_ = nearest_of(rows_of(data.other_to_train, own.begin, own.size()), place_k);
  const MarginRanks ranks(data.verdicts, sets.train);
  own_ = opinions_of(verdicts_of(data, sets.other_ids), ranks);
  of_train_ = opinions_of(verdicts_of(data, sets.train), ranks);
  if (before == nullptr) return;
  const double room = room_between(static_cast<int64_t>(sets.train.size()));
  springs_ = dvi::springs(options, changes_of_others(sets, data, *before),
                          options.other_spring / std::pow(disagreement_strength, 2) * room);
}

void OtherPlaces::place(MatrixView train) {
  places_.emplace(nearest_, own_, train, of_train_);
  positions_ = places_->find();
  nearest_ = {};
  release(own_);
  release(of_train_);
}

void OtherPlaces::relax(const SpringEnds& before, const SpringEnds& after) {
  const Spring spring = Spring::between(before, after, positions_.rows());
  positions_ = places_->find({spring.anchors, spring.strength});
}

}  // namespace dvi
