#include "graph/neighbor_index.h"

#include "graph/approximate_search.h"
#include "graph/cells.h"
#include "graph/exact_search.h"

namespace dvi {

class NeighborIndex::Impl {
 public:
  Impl(MatrixView x, CodeSpace space) : references(x), cells(x, std::move(space)) {}
  MatrixView references;
  Cells cells;
};

NeighborIndex::NeighborIndex(MatrixView references) : NeighborIndex(references, references.rows) {}
NeighborIndex::NeighborIndex(MatrixView references, int64_t queries)
    : impl_(std::make_unique<Impl>(references, CodeSpace(references, queries))) {}
NeighborIndex::NeighborIndex(MatrixView references, const NeighborIndex& alike)
    : impl_(std::make_unique<Impl>(references, alike.impl_->cells.space)) {
  greatest_number(references);
}
NeighborIndex::NeighborIndex(NeighborIndex&&) noexcept = default;
NeighborIndex& NeighborIndex::operator=(NeighborIndex&&) noexcept = default;
NeighborIndex::~NeighborIndex() = default;

Neighbors NeighborIndex::exact(MatrixView queries, int k, bool same) const {
  return search_exactly(impl_->cells, impl_->references, queries, k, same);
}

FoundNeighbors NeighborIndex::approximate(MatrixView queries, int k, bool same) const {
  return search_approximately(impl_->cells, impl_->references, queries, k, same);
}

FoundNeighbors NeighborIndex::find(MatrixView queries, int k, bool same) const {
  constexpr double exact_pairs = 4e10;
  if (static_cast<double>(queries.rows) * static_cast<double>(impl_->references.rows) > exact_pairs)
    return approximate(queries, k, same);
  return {exact(queries, k, same), 1};
}

}  // namespace dvi
