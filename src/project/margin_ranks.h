// Margins as ranks among those of the train samples. Early in a training all margins are small, late most are
// large; ranks tell near from far in both.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "subject/logits.h"

namespace dvi {

class MarginRanks {
 public:
  /// Of the margins of the train samples, in any order.
  explicit MarginRanks(std::vector<float> margins) : sorted_(std::move(margins)) {
    std::ranges::sort(sorted_);
  }
  /// `ids` are rows of `verdicts`.
  MarginRanks(std::span<const Verdict> verdicts, std::span<const int32_t> ids) {
    for (const int32_t id : ids) sorted_.push_back(verdicts[static_cast<size_t>(id)].margin);
    std::ranges::sort(sorted_);
  }
  /// Share of the train samples whose margin is smaller, 0 to 1.
  float of(float margin) const {
    const auto below = std::ranges::lower_bound(sorted_, margin) - sorted_.begin();
    return static_cast<float>(below) / static_cast<float>(std::max<size_t>(1, sorted_.size()));
  }

 private:
  std::vector<float> sorted_;
};

}  // namespace dvi
