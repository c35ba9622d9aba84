#include "query/trajectory.h"

#include <cmath>

namespace dvi {

Trajectory trace(const View& view, std::span<const int32_t> labels) {
  const size_t n = labels.size();
  Trajectory result{std::vector<int32_t>(n, 0), std::vector<int32_t>(n, never),
                    std::vector<int32_t>(n, never), std::vector<float>(n, 0.f)};
  std::shared_ptr<const ViewEpoch> before;
  for (const int number : view.epoch_numbers()) {
    const auto now = view.epoch(number);
    const auto predictions = now->predictions();
    for (size_t i = 0; i < n; ++i)
      if (predictions[i] == labels[i] && result.first_learned[i] == never) result.first_learned[i] = number;
    if (before) {
      const auto earlier = before->predictions();
      const auto p = now->positions(), q = before->positions();
      for (size_t i = 0; i < n; ++i) {
        result.flips[i] += predictions[i] != earlier[i];
        if (earlier[i] == labels[i] && predictions[i] != labels[i]) result.last_forgotten[i] = number;
        result.distance_moved[i] += std::hypot(p[2 * i] - q[2 * i], p[2 * i + 1] - q[2 * i + 1]);
      }
    }
    before = now;
  }
  return result;
}

}  // namespace dvi
