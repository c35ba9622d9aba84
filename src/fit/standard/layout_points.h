// The points of an epoch's layout.
#pragma once

#include "fit/epoch_data.h"

namespace dvi {

/// Active points are train samples, then boundary samples; passive ones are other samples, then boundary
/// samples of the evaluation.
struct LayoutPoints {
  int64_t train = 0, boundary = 0, other = 0, evaluation = 0;
  int64_t active() const { return train + boundary; }
  int64_t passive() const { return other + evaluation; }
  int64_t all() const { return active() + passive(); }

  static LayoutPoints of(const SampleSets& sets, const EpochData& data) {
    return {static_cast<int64_t>(sets.train.size()), data.train_to_boundary.k > 0 ? data.boundary.size() : 0,
            static_cast<int64_t>(sets.other_ids.size()),
            data.evaluation_to_boundary.k > 0 ? data.evaluation_boundary.size() : 0};
  }
};

}  // namespace dvi
