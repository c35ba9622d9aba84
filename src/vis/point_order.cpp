#include "vis/point_order.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "core/parallel.h"
#include "core/release.h"

namespace dvi {
namespace {

/// All points in their new order. for_neighbors(point, visit) calls visit(other) for what edges lead to.
template <typename ForNeighbors>
std::vector<int32_t> grown_groups(int64_t points, const ForNeighbors& for_neighbors) {
  // Positions of a group and of its neighbours stay in a processor's nearest cache.
  constexpr size_t group_size = 2048;
  std::vector<bool> taken(static_cast<size_t>(points), false);
  std::vector<int32_t> order;
  order.reserve(taken.size());
  const auto take = [&](int64_t point) {
    if (taken[static_cast<size_t>(point)]) return;
    taken[static_cast<size_t>(point)] = true;
    order.push_back(static_cast<int32_t>(point));
  };
  size_t grown = 0;  // points of the order whose neighbours are taken
  int64_t next = 0;
  while (true) {
    if (grown == order.size()) {  // nothing is left beside what is taken
      while (next < points && taken[static_cast<size_t>(next)]) ++next;
      if (next == points) return order;
      take(next);
    }
    const size_t begin = order.size() - 1, end = begin + group_size;
    for (grown = begin; grown < order.size() && order.size() < end; ++grown)
      for_neighbors(order[grown], take);
  }
}

/// Where the strongest edges of each row lead, `few` a row; -1 where it has fewer.
std::vector<int32_t> strongest(const EdgeList& edges, int64_t few) {
  std::vector<int32_t> out(static_cast<size_t>(edges.rows() * few), -1);
  parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
    std::vector<size_t> order;
    for (int64_t row = begin; row < end; ++row) {
      order.resize(static_cast<size_t>(edges.begin[static_cast<size_t>(row) + 1] -
                                       edges.begin[static_cast<size_t>(row)]));
      std::iota(order.begin(), order.end(), static_cast<size_t>(edges.begin[static_cast<size_t>(row)]));
      const auto kept = order.begin() + std::min<int64_t>(few, std::ssize(order));
      std::ranges::partial_sort(order, kept, std::greater(), [&](size_t e) { return edges.weight[e]; });
      std::transform(order.begin(), kept, out.begin() + row * few, [&](size_t e) { return edges.target[e]; });
    }
  });
  return out;
}

/// The same for every rank.
std::vector<int32_t> new_order(const EdgeList& edges, const EdgeShare& share, int64_t points) {
  if (comm().size() == 1)
    return grown_groups(points, [&](int32_t point, const auto& visit) {
      for (auto e = edges.begin[static_cast<size_t>(point)]; e < edges.begin[static_cast<size_t>(point) + 1];
           ++e)
        visit(edges.target[static_cast<size_t>(e)]);
    });
  constexpr int64_t few = 4;
  const std::vector<int32_t> own = strongest(edges, few);
  const auto of_samples = own.begin() + share.samples.size() * few;
  const std::vector<int32_t> samples = collected(std::vector<int32_t>(own.begin(), of_samples)),
                             boundary = collected(std::vector<int32_t>(of_samples, own.end()));
  std::vector<int32_t> order;
  if (comm().rank() == 0)
    order = grown_groups(points, [&](int32_t point, const auto& visit) {
      const auto at = static_cast<size_t>(point * few);
      const int32_t* const leads = at < samples.size() ? &samples[at] : &boundary[at - samples.size()];
      for (int64_t r = 0; r < few; ++r)
        if (leads[r] >= 0) visit(leads[r]);
    });
  broadcast(order, 0);
  return order;
}

}  // namespace

EdgeShare EdgeShare::of(int64_t points, int64_t boundary) {
  const int64_t samples = points - boundary;
  const RowRange own = owned_rows(boundary);
  return {owned_rows(samples), {samples + own.begin, samples + own.end}};
}

PointOrder::PointOrder(const EdgeList& edges, const EdgeShare& share, int64_t points)
    : share_(share), point_(new_order(edges, share, points)), place_(point_.size()) {
  for (size_t i = 0; i < point_.size(); ++i) place_[static_cast<size_t>(point_[i])] = static_cast<int32_t>(i);
}

EdgeList PointOrder::ordered(EdgeList edges) const {
  // This rank's rows by their new place: so they are in the order of the ranks that they are for.
  std::vector<int32_t> rows(static_cast<size_t>(edges.rows())), places(rows.size());
  const auto place_of = [&](int32_t row) { return place_[static_cast<size_t>(share_.point_of(row))]; };
  if (comm().size() == 1) {
    rows = point_;
  } else {
    std::iota(rows.begin(), rows.end(), 0);
    std::ranges::sort(rows, {}, place_of);
  }
  std::ranges::transform(rows, places.begin(), place_of);
  std::vector<int64_t> lengths, begins{0}, row_counts, edge_counts;
  for (const int32_t row : rows) {
    lengths.push_back(edges.begin[static_cast<size_t>(row) + 1] - edges.begin[static_cast<size_t>(row)]);
    begins.push_back(begins.back() + lengths.back());
  }
  const auto n = std::ssize(point_);
  auto place = places.begin();
  for (int rank = 0; rank < comm().size(); ++rank) {
    const auto last = std::lower_bound(place, places.end(), range_of_rank(n, owned_grain, rank).end);
    row_counts.push_back(last - place);
    edge_counts.push_back(begins[static_cast<size_t>(last - places.begin())] -
                          begins[static_cast<size_t>(place - places.begin())]);
    place = last;
  }
  // One array after the other: together they would be most of what a large fit holds.
  const auto by_place = [&](auto& values, const auto& convert) {
    std::decay_t<decltype(values)> out(values.size());
    parallel_for(std::ssize(rows), 1024, [&](int64_t first, int64_t last, int) {
      for (auto at = static_cast<size_t>(first); at < static_cast<size_t>(last); ++at) {
        const auto row = values.begin() + edges.begin[static_cast<size_t>(rows[at])];
        std::transform(row, row + lengths[at], out.begin() + begins[at], convert);
      }
    });
    release(values);
    return exchanged(std::move(out), edge_counts);
  };
  std::vector<int32_t> target =
      by_place(edges.target, [&](int32_t point) { return place_[static_cast<size_t>(point)]; });
  std::vector<float> weight = by_place(edges.weight, std::identity());
  places = exchanged(std::move(places), row_counts);
  lengths = exchanged(std::move(lengths), row_counts);
  const RowRange own = owned_rows(n);
  edges.begin.assign(static_cast<size_t>(own.size()) + 1, 0);
  for (size_t i = 0; i < places.size(); ++i)
    edges.begin[static_cast<size_t>(places[i] - own.begin) + 1] = lengths[i];
  std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
  if (comm().size() == 1) {  // they came in order
    edges.target = std::move(target);
    edges.weight = std::move(weight);
    return edges;
  }
  const auto put = [&](const auto& came) {
    std::decay_t<decltype(came)> out(came.size());
    auto from = came.begin();
    for (size_t i = 0; i < places.size(); ++i) {
      std::copy_n(from, lengths[i], out.begin() + edges.begin[static_cast<size_t>(places[i] - own.begin)]);
      from += lengths[i];
    }
    return out;
  };
  edges.target = put(target);
  release(target);
  edges.weight = put(weight);
  return edges;
}

std::vector<float> PointOrder::ordered(const std::vector<float>& values) const {
  std::vector<float> out;
  out.reserve(values.size());
  for (const int32_t point : point_) out.push_back(values[static_cast<size_t>(point)]);
  return out;
}

}  // namespace dvi
