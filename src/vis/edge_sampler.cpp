#include "vis/edge_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace dvi {

AliasTable::AliasTable(std::span<const float> weights) {
  const auto n = weights.size();
  if (n > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    fail("at most {} edges can be drawn from, but there are {}", std::numeric_limits<int32_t>::max(), n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i]))
      fail("weights to draw by must be finite and not negative, but weight {} is {}", i, weights[i]);
    sum += weights[i];
  }
  if (!(sum > 0)) fail("there is nothing to draw from: {} weights with the sum {}", n, sum);
  entries_.resize(n);
  // Scaled to a mean of 1: entries below it are filled up by one above it each.
  std::vector<double> scaled(n);
  std::vector<int32_t> small, large;
  for (size_t i = 0; i < n; ++i) {
    scaled[i] = weights[i] * (static_cast<double>(n) / sum);
    (scaled[i] < 1 ? small : large).push_back(static_cast<int32_t>(i));
  }
  while (!small.empty() && !large.empty()) {
    const auto s = small.back(), l = large.back();
    small.pop_back();
    entries_[static_cast<size_t>(s)] = {static_cast<float>(scaled[static_cast<size_t>(s)]), l};
    auto& rest = scaled[static_cast<size_t>(l)];
    rest -= 1 - scaled[static_cast<size_t>(s)];
    if (rest < 1) {
      large.pop_back();
      small.push_back(l);
    }
  }
  // What is left has weight 1 but for rounding. An entry of weight 0 is never left: it is filled up first or
  // last by a large one, unless rounding used all of those up.
  const auto heaviest =
      static_cast<int32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  for (const auto* rest : {&small, &large})
    for (const auto i : *rest)
      entries_[static_cast<size_t>(i)] = {weights[static_cast<size_t>(i)] > 0 ? 1.f : 0.f, heaviest};
}

void Edges::append_frequent(const EdgeList& list, int passes) {
  if (list.size() == 0) return;
  const float least =
      *std::max_element(list.weight.begin(), list.weight.end()) / static_cast<float>(passes) + 1e-3f;
  for (int64_t row = 0; row < list.rows(); ++row)
    for (auto e = static_cast<size_t>(list.begin[static_cast<size_t>(row)]);
         e < static_cast<size_t>(list.begin[static_cast<size_t>(row) + 1]); ++e)
      if (list.weight[e] >= least) {
        from.push_back(static_cast<int32_t>(row));
        to.push_back(list.target[e]);
        weight.push_back(list.weight[e]);
      }
}

}  // namespace dvi
