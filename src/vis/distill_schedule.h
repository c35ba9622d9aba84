// Which places the networks of the default preset see at each step, and how fast they learn.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"

namespace dvi {

/// What is known of all steps before the first.
struct DistillSchedule {
  int64_t batch = 0;          ///< places a step
  std::vector<int32_t> rows;  ///< [steps * batch] places, in the order in which they are visited
  std::vector<double> rates;  ///< Adam's learning rate of each step
  int64_t last_pass = 0;      ///< step with which the last pass begins
  int64_t steps() const { return static_cast<int64_t>(rates.size()); }
};

/// `steps` steps through `visits` (rows of places, with repeats for those that are visited more often in a
/// pass), in a new order each pass. A batch is n / 60 of the n visits, but at least 64 and at most
/// `most_batch` (or all). Rates rise to `learning_rate` within 20 steps and fall by half a cosine to a
/// fiftieth of it.
DistillSchedule make_schedule(std::vector<int32_t> visits, int64_t steps, int64_t most_batch,
                              double learning_rate, Random&);

}  // namespace dvi
