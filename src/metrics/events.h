// Finds what happened to samples between two fitted epochs: flips, forgetting, learning, jumps of confidence,
// big moves (docs/reference/run-format.md, events.npy; stored by run/events.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "run/events.h"

namespace dvi {

/// One epoch of all N samples.
struct EventState {
  int epoch = 0;
  std::span<const int32_t> predictions;
  std::span<const float> confidence;  ///< of the prediction
  MatrixView positions;               ///< [N, 2]
};

/// The events between two consecutive fitted epochs, by kind, then sample. `later_logits` [N, C] are of the
/// later epoch; `labels` [N], -1 = none (such samples are never right or wrong).
std::vector<Event> find_events(const EventState& earlier, const EventState& later, MatrixView later_logits,
                               std::span<const int32_t> labels);

/// Puts the events of `epoch` in place of those that `all` has of it; `all` stays sorted by epoch, kind,
/// sample.
void replace_events(std::vector<Event>& all, int epoch, std::span<const Event> events);

}  // namespace dvi
