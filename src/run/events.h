// Events: what happened to a sample between two consecutive fitted epochs, as stored in
// views/NAME/events.npy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace dvi {

/// The numbers are those of docs/reference/run-format.md.
enum class EventKind : int32_t { flip = 0, forgetting = 1, learned = 2, confidence_jump = 3, big_move = 4 };
constexpr int event_kind_count = 5;
/// Short names, by number: "flip", "forgetting", "learned", "confidence jump", "big move".
const char* event_kind_name(int32_t kind);

/// One row of events.npy, in its memory layout.
struct Event {
  int32_t sample = 0;
  int32_t epoch = 0;  ///< the later of the two epochs compared
  int32_t kind = 0;   ///< an EventKind
  int32_t from = 0;   ///< class predicted at the earlier epoch
  int32_t to = 0;     ///< class predicted at `epoch`
  float value = 0;    ///< by kind: change of confidence, 0, 0, signed change of probability, distance
  bool operator==(const Event&) const = default;
};
static_assert(sizeof(Event) == 24);

/// Throws Error if the file cannot be read or is not an array of such rows.
std::vector<Event> read_events(const std::filesystem::path&);
/// Atomically; rows as given (the format wants them sorted by epoch, then kind, then sample).
void write_events(const std::filesystem::path&, std::span<const Event>);

}  // namespace dvi
