// Which rows a network sees when, and how fast it learns then.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"

namespace dvi {

/// What is known of all steps before the first.
struct DistillSchedule {
  int64_t batch = 0;          ///< rows a step
  std::vector<int32_t> rows;  ///< [steps * batch] in the order in which they are visited
  std::vector<double> rates;  ///< of each step: Adam's learning rate as a share of its largest
  int64_t last_pass = 0;      ///< step with which the last pass begins
  int64_t steps() const { return static_cast<int64_t>(rates.size()); }
  /// How many rows the last pass visits.
  double counted() const { return static_cast<double>((steps() - last_pass) * batch); }
};

/// Passes over `visits`, shuffled anew for each, in batches of `batch`, or of all of them if there are fewer;
/// rates rise for a few steps and fall by half a cosine.
DistillSchedule make_schedule(std::vector<int32_t> visits, int64_t steps, int64_t batch, Random& random);

}  // namespace dvi
