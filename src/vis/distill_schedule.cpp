#include "vis/distill_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dvi {

DistillSchedule make_schedule(std::vector<int32_t> visits, int64_t steps, int64_t batch, Random& random) {
  const auto n = static_cast<int64_t>(visits.size());
  DistillSchedule schedule;
  schedule.batch = std::min(n, batch);
  const int64_t per_pass = n / schedule.batch;
  schedule.rows.reserve(static_cast<size_t>(steps * schedule.batch));
  for (int64_t step = 0; step < steps; ++step) {
    if (step % per_pass == 0) {
      for (size_t i = visits.size() - 1; i > 0; --i) std::swap(visits[i], visits[random.below(i + 1)]);
      schedule.last_pass = step;
    }
    const auto first = visits.begin() + step % per_pass * schedule.batch;
    schedule.rows.insert(schedule.rows.end(), first, first + schedule.batch);
    // A short rise keeps Adam's first steps, whose scale is not known yet, from undoing a warm start; then a
    // half cosine.
    const double progress = static_cast<double>(step) / static_cast<double>(steps);
    schedule.rates.push_back(std::min(1.0, static_cast<double>(step + 1) / 20) *
                             (0.02 + 0.98 * 0.5 * (1 + std::cos(std::numbers::pi * progress))));
  }
  return schedule;
}

}  // namespace dvi
