#include "graph/neighbor_index.h"

#include <functional>
#include <mutex>
#include <optional>

#include "comm/comm.h"
#include "core/device.h"
#include "graph/approximate_search.h"
#include "graph/backend/torch/device_neighbors.h"
#include "graph/cells.h"
#include "graph/exact_search.h"

namespace dvi {

constinit PluginFunction<std::unique_ptr<DeviceSearch>(MatrixView)> make_device_search(
    "find neighbours on a graphics processor");

/// Codes and cells are made when they are first needed: a device does without.
class NeighborIndex::Impl {
 public:
  Impl(MatrixView x, std::function<CodeSpace()> space) : references(x), space_(std::move(space)) {
    expect_references(references);
    greatest_number(references);  // throws where they have no distances
  }
  MatrixView references;

  const Cells& cells() {
    std::call_once(made_, [this] { cells_.emplace(references, space_()); });
    return *cells_;
  }
  const DeviceSearch& on_device() {
    std::call_once(uploaded_, [this] { device_ = make_device_search(references); });
    return *device_;
  }

 private:
  std::function<CodeSpace()> space_;
  std::once_flag made_, uploaded_;
  std::optional<Cells> cells_;
  std::unique_ptr<DeviceSearch> device_;
};

NeighborIndex::NeighborIndex(MatrixView references) : NeighborIndex(references, references.rows) {}
NeighborIndex::NeighborIndex(MatrixView references, int64_t queries)
    : impl_(std::make_shared<Impl>(references, [=] { return CodeSpace(references, queries); })) {}
NeighborIndex::NeighborIndex(MatrixView references, const NeighborIndex& alike)
    : impl_(std::make_shared<Impl>(references, [other = alike.impl_] { return other->cells().space; })) {}
NeighborIndex::NeighborIndex(NeighborIndex&&) noexcept = default;
NeighborIndex& NeighborIndex::operator=(NeighborIndex&&) noexcept = default;
NeighborIndex::~NeighborIndex() = default;

Neighbors NeighborIndex::exact(MatrixView queries, int k, bool same, Queries wanted) const {
  return search_exactly(impl_->cells(), impl_->references, queries, k, same, wanted);
}

FoundNeighbors NeighborIndex::approximate(MatrixView queries, int k, bool same, Queries wanted) const {
  return search_approximately(impl_->cells(), impl_->references, queries, k, same, wanted);
}

Neighbors NeighborIndex::on_device(MatrixView queries, int k, bool same) const {
  DeviceNeighbors found = impl_->on_device().find(queries, k, same);
  if (found.unproven.empty()) return std::move(found.neighbors);
  // A sample's own row is among its neighbours here, the first or behind its duplicates.
  const Neighbors proved = exact(gather_rows(queries, found.unproven), k + (same ? 1 : 0), /*same=*/false);
  for (size_t i = 0; i < found.unproven.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    auto to = static_cast<size_t>(found.unproven[i]) * static_cast<size_t>(k);
    const size_t end = to + static_cast<size_t>(k);
    for (size_t r = 0; r < proved.row(row).size() && to < end; ++r) {
      if (same && proved.row(row)[r] == found.unproven[i]) continue;
      found.neighbors.index[to] = proved.row(row)[r];
      found.neighbors.distance[to++] = proved.distances(row)[r];
    }
  }
  return std::move(found.neighbors);
}

FoundNeighbors NeighborIndex::find(MatrixView queries, int k, bool same, Queries wanted) const {
  constexpr double exact_pairs = 4e10, exact_pairs_on_device = 2e12;
  const double pairs = static_cast<double>(queries.rows) * static_cast<double>(impl_->references.rows);
  if (Neighbors found; pairs <= exact_pairs_on_device && one_process_with_cuda() &&
                       tried_on_device([&] { found = on_device(queries, k, same); }))
    return {std::move(found), 1};
  if (pairs > exact_pairs) return approximate(queries, k, same, wanted);
  return {exact(queries, k, same, wanted), 1};
}

}  // namespace dvi
