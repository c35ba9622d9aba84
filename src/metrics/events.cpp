#include "metrics/events.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "subject/logits.h"

namespace dvi {
namespace {

constexpr float confidence_jump = 0.5f;
constexpr double big_move_sigmas = 2;

auto order_of(const Event& e) { return std::tuple(e.epoch, e.kind, e.sample); }

void expect_samples(size_t expected, size_t found, const char* what) {
  if (expected != found) fail("events: expected {} of {} samples, found {}", what, expected, found);
}

/// Mean + 2 sigma of the distances.
double big_move_threshold(std::span<const float> distances) {
  const auto n = static_cast<double>(distances.size());
  double sum = 0, squares = 0;
  for (const float d : distances) sum += d;
  const double mean = sum / n;
  for (const float d : distances) squares += (d - mean) * (d - mean);
  return mean + big_move_sigmas * std::sqrt(squares / n);
}

}  // namespace

std::vector<Event> find_events(const EventState& earlier, const EventState& later, MatrixView later_logits,
                               std::span<const int32_t> labels) {
  const size_t n = labels.size();
  for (const auto* state : {&earlier, &later}) {
    expect_samples(n, state->predictions.size(), "predictions");
    expect_samples(n, state->confidence.size(), "confidence");
    expect_samples(n, static_cast<size_t>(state->positions.rows), "positions");
  }
  expect_samples(n, static_cast<size_t>(later_logits.rows), "logits");

  std::vector<float> moved(n);
  std::vector<Event> events;
  for (size_t i = 0; i < n; ++i) {
    const auto row = static_cast<int64_t>(i);
    const int32_t from = earlier.predictions[i], to = later.predictions[i], label = labels[i];
    const auto add = [&](EventKind kind, float value) {
      events.push_back({static_cast<int32_t>(i), later.epoch, static_cast<int32_t>(kind), from, to, value});
    };
    if (from != to) {
      add(EventKind::flip, later.confidence[i] - earlier.confidence[i]);
      if (label >= 0 && from == label) add(EventKind::forgetting, 0);
      if (label >= 0 && to == label) add(EventKind::learned, 0);
    }
    const float change = probability(later_logits.slice(row, 1).span(), from) - earlier.confidence[i];
    if (std::abs(change) > confidence_jump) add(EventKind::confidence_jump, change);
    moved[i] = std::hypot(later.positions(row, 0) - earlier.positions(row, 0),
                          later.positions(row, 1) - earlier.positions(row, 1));
  }
  if (n > 0) {
    const double threshold = big_move_threshold(moved);
    for (size_t i = 0; i < n; ++i)
      if (moved[i] > threshold)
        events.push_back({static_cast<int32_t>(i), later.epoch, static_cast<int32_t>(EventKind::big_move),
                          earlier.predictions[i], later.predictions[i], moved[i]});
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return order_of(a) < order_of(b); });
  return events;
}

void replace_events(std::vector<Event>& all, int epoch, std::span<const Event> events) {
  std::erase_if(all, [epoch](const Event& e) { return e.epoch == epoch; });
  const auto at = std::find_if(all.begin(), all.end(), [epoch](const Event& e) { return e.epoch > epoch; });
  all.insert(at, events.begin(), events.end());
}

}  // namespace dvi
