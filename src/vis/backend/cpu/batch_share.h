// A worker's part of a batch.
#pragma once

#include <span>
#include <vector>

#include "vis/distill_problem.h"

namespace dvi {

struct BatchShare {
  std::span<const int32_t> rows;  ///< places
  std::vector<int32_t> sources;   ///< the sample of each
  Matrix features;                ///< [rows, r] of these samples
  int64_t batch = 0;              ///< size of the whole batch

  void load(const DistillProblem& problem, std::span<const int32_t> share, int64_t whole) {
    rows = share;
    batch = whole;
    sources.clear();
    for (const int32_t row : rows) sources.push_back(problem.sources[static_cast<size_t>(row)]);
    features = gather_rows(problem.features, sources);
  }
};

}  // namespace dvi
