// Seeded subsets, for metrics that are too dear for all samples.
#pragma once

#include <cstdint>
#include <vector>

namespace dvi {

/// min(count, n) distinct numbers of [0, n), ascending; the same for the same n, count and seed. All of them
/// if count >= n.
std::vector<int64_t> draw_subset(int64_t n, int64_t count, uint64_t seed);

}  // namespace dvi
