// Samples that flip again and again. If at each step the samples that flip were any (exchange of samples
// within steps), the number of flips would be a sum of independent trials with the steps' rates; who flips
// more often than one in a hundred of those named would by chance is unstable.
#include <algorithm>

#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {

std::vector<Finding> find_unstable(const RunHistory& history) {
  if (history.size() < 4) return {};
  const auto samples = static_cast<size_t>(history.run().manifest().sample_count());
  std::vector<int32_t> flips(samples, 0);
  std::vector<double> rates;
  for (size_t e = 1; e < history.size(); ++e) {
    const auto before = history.epoch(e - 1).predictions(), now = history.epoch(e).predictions();
    int64_t count = 0;
    for (size_t i = 0; i < samples; ++i) {
      flips[i] += before[i] != now[i];
      count += before[i] != now[i];
    }
    rates.push_back(static_cast<double>(count) / static_cast<double>(samples));
  }
  const auto by_chance = trials_tail(rates);
  int32_t threshold = 3;
  std::vector<int32_t> found;
  for (; threshold < static_cast<int32_t>(by_chance.size()); ++threshold) {
    found.clear();
    for (size_t i = 0; i < samples; ++i)
      if (flips[i] >= threshold) found.push_back(static_cast<int32_t>(i));
    if (by_chance[static_cast<size_t>(threshold)] * static_cast<double>(samples) <=
        false_alarm_rate * static_cast<double>(found.size()))
      break;
  }
  if (found.empty() || threshold >= static_cast<int32_t>(by_chance.size())) return {};
  std::stable_sort(found.begin(), found.end(), [&](int32_t a, int32_t b) {
    return flips[static_cast<size_t>(a)] > flips[static_cast<size_t>(b)];
  });
  const size_t count = found.size();
  Finding f{"unstable",
            history.number(0),
            history.number(history.size() - 1),
            frequent_labels(history, found, 3),
            found,
            std::min(1.0, 10 * static_cast<double>(count) / static_cast<double>(samples)),
            "",
            history.number(history.size() - 1),
            "prediction"};
  if (f.samples.size() > 1000) f.samples.resize(1000);
  const double expected = by_chance[static_cast<size_t>(threshold)] * static_cast<double>(samples);
  f.text = fmt::format(
      "{}: the prediction changed at {} or more of {} steps, which happens to {} by chance; most of them are "
      "{}.",
      count == 1 ? "1 sample never settles" : fmt::format("{} samples never settle", count), threshold,
      rates.size(), expected < 0.1 ? "none" : fmt::format("{:.1f}", expected),
      class_list(history, f.classes));
  return {f};
}

}  // namespace dvi
