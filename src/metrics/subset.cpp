#include "metrics/subset.h"

#include <algorithm>

#include "core/random.h"

namespace dvi {

// Selection sampling (Knuth, The Art of Computer Programming 2, sec. 3.4.2, algorithm S).
std::vector<int64_t> draw_subset(int64_t n, int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<int64_t> chosen;
  chosen.reserve(static_cast<size_t>(std::clamp<int64_t>(count, 0, n)));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t wanted = std::min(count, n) - static_cast<int64_t>(chosen.size());
    if (static_cast<int64_t>(random.below(static_cast<uint64_t>(n - i))) < wanted) chosen.push_back(i);
  }
  return chosen;
}

}  // namespace dvi
