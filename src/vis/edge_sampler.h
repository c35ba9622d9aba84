// Edges drawn in proportion to their weight, in constant time and without a copy of an edge for every unit of
// weight.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "graph/fuzzy_set.h"

namespace dvi {

/// Draws i with probability weights[i] / sum(weights) (Walker 1977; built as Vose 1991). 8 bytes an entry.
class AliasTable {
 public:
  /// Throws Error if there is no weight, one is negative or not finite, or all are zero.
  explicit AliasTable(std::span<const float> weights);
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  int64_t draw(Random& random) const {
    const auto i = random.below(entries_.size());
    return random.uniform() < entries_[i].keep ? static_cast<int64_t>(i) : entries_[i].alias;
  }

 private:
  struct Entry {
    float keep;     // probability of staying here
    int32_t alias;  // else go there
  };
  std::vector<Entry> entries_;
};

/// Edges of one or more complexes, as parallel arrays.
struct Edges {
  std::vector<int32_t> from, to;
  std::vector<float> weight;
  int64_t size() const { return static_cast<int64_t>(weight.size()); }
  /// Appends the edges of `list` that would be drawn in `passes` passes: those below max(weight) / passes +
  /// 1e-3 are left out, as umap-learn and DVI do.
  void append_frequent(const EdgeList& list, int passes);
};

}  // namespace dvi
