#include "vis/point_order.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "core/parallel.h"
#include "vis/layout.h"

namespace dvi {
namespace {

/// The rows of `own`, as points, in their new order.
std::vector<int32_t> grown_groups(const EdgeList& edges, RowRange own) {
  // Positions of a group and of its neighbours stay in a processor's nearest cache.
  constexpr size_t group_size = 2048;
  std::vector<bool> taken(static_cast<size_t>(own.size()), false);
  std::vector<int32_t> order;
  order.reserve(taken.size());
  const auto take = [&](int64_t point) {
    if (point < own.begin || point >= own.end || taken[static_cast<size_t>(point - own.begin)]) return;
    taken[static_cast<size_t>(point - own.begin)] = true;
    order.push_back(static_cast<int32_t>(point));
  };
  size_t grown = 0;  // points of the order whose neighbours are taken
  int64_t next = own.begin;
  while (true) {
    if (grown == order.size()) {  // nothing is left beside what is taken
      while (next < own.end && taken[static_cast<size_t>(next - own.begin)]) ++next;
      if (next == own.end) return order;
      take(next);
    }
    const size_t begin = order.size() - 1, end = begin + group_size;
    for (grown = begin; grown < order.size() && order.size() < end; ++grown) {
      const auto row = static_cast<size_t>(order[grown] - own.begin);
      for (auto e = static_cast<size_t>(edges.begin[row]); e < static_cast<size_t>(edges.begin[row + 1]); ++e)
        take(edges.target[e]);
    }
  }
}

}  // namespace

PointOrder::PointOrder(const EdgeList& edges, int64_t points, int64_t boundary)
    : own_(LayoutShare::of(points, boundary).samples) {
  point_.resize(static_cast<size_t>(points));
  std::iota(point_.begin(), point_.end(), 0);
  std::ranges::copy(grown_groups(edges, own_), point_.begin() + own_.begin);
  gather_shared(points - boundary, owned_grain, shared_rows(point_));
  place_.resize(point_.size());
  for (size_t i = 0; i < point_.size(); ++i) place_[static_cast<size_t>(point_[i])] = static_cast<int32_t>(i);
}

EdgeList PointOrder::ordered(EdgeList edges) const {
  const auto row_at = [&](int64_t row) {  // of the edges, for a row of the result
    return static_cast<size_t>(row < own_.size() ? point_[static_cast<size_t>(own_.begin + row)] - own_.begin
                                                 : row);
  };
  std::vector<int64_t> begin(edges.begin.size(), 0);
  for (int64_t row = 0; row < edges.rows(); ++row) {
    const size_t from = row_at(row);
    begin[static_cast<size_t>(row) + 1] =
        begin[static_cast<size_t>(row)] + edges.begin[from + 1] - edges.begin[from];
  }
  // One array after the other: together they would be most of what a large fit holds.
  const auto in_order = [&](const auto& values, const auto& convert) {
    std::decay_t<decltype(values)> out(values.size());
    parallel_for(edges.rows(), 1024, [&](int64_t first, int64_t last, int) {
      for (int64_t row = first; row < last; ++row) {
        const size_t from = row_at(row);
        std::transform(values.begin() + edges.begin[from], values.begin() + edges.begin[from + 1],
                       out.begin() + begin[static_cast<size_t>(row)], convert);
      }
    });
    return out;
  };
  edges.target = in_order(edges.target, [&](int32_t point) { return place_[static_cast<size_t>(point)]; });
  edges.weight = in_order(edges.weight, std::identity());
  edges.begin = std::move(begin);
  return edges;
}

std::vector<float> PointOrder::ordered(const std::vector<float>& values) const {
  std::vector<float> out;
  out.reserve(values.size());
  for (const int32_t point : point_) out.push_back(values[static_cast<size_t>(point)]);
  return out;
}

}  // namespace dvi
