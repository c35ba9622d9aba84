#include "scenarios/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

float squared_distance(const float* a, const float* b, int64_t n) {
  float sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

}  // namespace

Strategy strategy_of(const std::string& name) {
  if (name == "random") return Strategy::random;
  if (name == "least-confidence") return Strategy::least_confidence;
  if (name == "coreset") return Strategy::coreset;
  if (name == "learning-loss") return Strategy::learning_loss;
  fail("--strategy: expected random, least-confidence, coreset or learning-loss, found \"{}\"", name);
}

std::vector<float> least_confidence(std::span<const Verdict> verdicts) {
  std::vector<float> score;
  score.reserve(verdicts.size());
  for (const auto& verdict : verdicts) score.push_back(1 - verdict.confidence);
  return score;
}

std::vector<float> distance_to_labelled(MatrixView features, std::span<const int32_t> labelled) {
  std::vector<float> distance(features.rows);
  parallel_for(features.rows, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float nearest = std::numeric_limits<float>::max();
      for (const int32_t id : labelled)
        nearest = std::min(nearest, squared_distance(features.row(i), features.row(id), features.cols));
      distance[i] = std::sqrt(nearest);
    }
  });
  return distance;
}

std::vector<int32_t> highest(std::span<const float> score, std::span<const int32_t> pool,
                             std::span<const int32_t> labelled, int64_t count) {
  std::vector<bool> taken(score.size(), false);
  for (const int32_t id : labelled) taken[id] = true;
  std::vector<int32_t> ids;
  for (const int32_t id : pool)
    if (!taken[id]) ids.push_back(id);
  const auto n = std::min(static_cast<size_t>(count), ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end(),
                    [&](int32_t a, int32_t b) {
                      const float x = score[a], y = score[b];
                      return x != y ? x > y : a < b;
                    });
  ids.resize(n);
  return ids;
}

std::vector<int32_t> k_centers(MatrixView features, std::vector<float> distance,
                               std::span<const int32_t> pool, int64_t count) {
  std::vector<int32_t> chosen;
  while (static_cast<int64_t>(chosen.size()) < count) {
    const auto farthest = std::max_element(pool.begin(), pool.end(),
                                           [&](int32_t a, int32_t b) { return distance[a] < distance[b]; });
    // Distance 0: every sample that is left is a copy of a labelled one.
    if (farthest == pool.end() || distance[*farthest] <= 0) break;
    const int32_t center = *farthest;
    chosen.push_back(center);
    parallel_for(static_cast<int64_t>(pool.size()), 512, [&](int64_t begin, int64_t end, int) {
      for (int64_t p = begin; p < end; ++p) {
        const int32_t id = pool[p];
        float& known = distance[id];
        known = std::min(known,
                         std::sqrt(squared_distance(features.row(id), features.row(center), features.cols)));
      }
    });
  }
  return chosen;
}

}  // namespace dvi
