#include "fit/view_events.h"

#include <algorithm>

#include "metrics/events.h"

namespace dvi {

std::vector<Event> events_with(const Run& run, const View& view, const EpochData& data,
                               const Projection& projection) {
  std::vector<Event> events = view.events();
  const auto stored = [](const ViewEpoch& e) {
    const auto samples = static_cast<int64_t>(e.predictions().size());
    return EventState{e.number(), e.predictions(), e.confidence(), {e.positions().data(), samples, 2}};
  };
  std::vector<int32_t> predictions;
  std::vector<float> confidence;
  for (const auto& verdict : data.verdicts) {
    predictions.push_back(verdict.prediction);
    confidence.push_back(verdict.confidence);
  }
  const EventState now{data.number, predictions, confidence, projection.positions};
  const auto& epochs = view.epoch_numbers();
  if (const auto at = std::ranges::lower_bound(epochs, data.number); at != epochs.begin()) {
    const auto earlier = view.epoch(*(at - 1));
    replace_events(events, data.number, find_events(stored(*earlier), now, data.logits, run.labels()));
  }
  if (const auto at = std::ranges::upper_bound(epochs, data.number); at != epochs.end()) {
    const auto later = view.epoch(*at);
    const Epoch epoch = run.epoch(later->number());
    const auto subject = open_subject(run, epoch);
    const RecordedRows logits = epoch_logits(epoch, epoch.mapped_features(), *subject);
    replace_events(events, later->number(), find_events(now, stored(*later), logits, run.labels()));
  }
  return events;
}

}  // namespace dvi
