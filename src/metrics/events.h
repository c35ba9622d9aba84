// What happened to samples between two recorded epochs: flips, forgetting, learning, jumps of confidence, big
// moves (docs/run-format.md, events.npy).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/matrix.h"

namespace dvi {

enum class EventKind : int32_t { flip = 0, forgetting = 1, learned = 2, confidence_jump = 3, big_move = 4 };

/// One row of events.npy.
struct Event {
  int32_t sample, epoch;  ///< the later of the two epochs
  EventKind kind;
  int32_t from, to;  ///< predictions at the earlier and the later epoch
  float value;  ///< flip, forgetting, learned: change of confidence; jump: signed change of the probability
                ///< of the earlier prediction; big move: distance in the plane
  bool operator==(const Event&) const = default;
};
static_assert(sizeof(Event) == 24);

/// One epoch of all N samples.
struct EventState {
  int epoch = 0;
  std::span<const int32_t> predictions;
  std::span<const float> confidence;  ///< of the prediction
  MatrixView positions;               ///< [N, 2]
};

/// The events between two consecutive epochs, by kind, then sample. `later_logits` [N, C] of the later epoch;
/// `labels` [N], -1 = none (such samples are never right or wrong).
std::vector<Event> find_events(const EventState& earlier, const EventState& later, MatrixView later_logits,
                               std::span<const int32_t> labels);

/// Puts the events of `epoch` in place of those that `all` has of it; `all` stays sorted by epoch, kind,
/// sample.
void replace_events(std::vector<Event>& all, int epoch, std::span<const Event> events);

/// Written by rename. read_events throws Error if the file is damaged; a file that is not there is no events.
void write_events(const std::filesystem::path&, std::span<const Event>);
std::vector<Event> read_events(const std::filesystem::path&);

}  // namespace dvi
