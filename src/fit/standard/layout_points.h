// The points of an epoch's layout.
#pragma once

#include "fit/epoch_data.h"

namespace dvi {

/// Train samples, then boundary samples. All others are placed among them afterwards
/// (fit/standard/other_places.h).
struct LayoutPoints {
  int64_t train = 0, boundary = 0;
  int64_t all() const { return train + boundary; }

  static LayoutPoints of(const SampleSets& sets, const EpochData& data) {
    return {static_cast<int64_t>(sets.train.size()), data.train_to_boundary.k > 0 ? data.boundary.size() : 0};
  }
};

}  // namespace dvi
