#include "graph/cell_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"
#include "core/release.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

// A tile of products, group_size x most_tile_width, stays in the second-level cache, as do the features of
// its references, which candidates are measured by: the tile gets narrower where D is large.
constexpr int64_t group_size = 256, most_tile_width = 512, tile_values = 1 << 18;

DVI_MULTIVERSION void add(const float* x, int64_t n, float* sum) {
  for (int64_t j = 0; j < n; ++j) sum[j] += x[j];
}

/// need[j] is set where a cell may hold a reference within `reach` of a query.
DVI_MULTIVERSION void mark_cells(const float* squared, const float* norms, const float* radius, int64_t n,
                                 float norm, float reach, uint32_t* need) {
  for (int64_t j = 0; j < n; ++j) {
    const float far = radius[j] + reach;
    // What cannot be told (a centre so far off that its distance overflows) is needed.
    need[j] |= static_cast<uint32_t>(!(squared[j] - 2e-6f * (norm + norms[j]) > far * far));
  }
}

}  // namespace

CellSearch::CellSearch(const Cells& cells, MatrixView references, MatrixView queries, int k, bool same)
    : cells_(cells),
      references_(references),
      queries_(queries),
      k_(k),
      same_(same),
      tile_width_(
          std::clamp<int64_t>(tile_values / std::max<int64_t>(1, references.cols), 64, most_tile_width)) {
  const int64_t available = references.rows - (same ? 1 : 0);
  if (available < k)
    fail("expected more than {} samples to find {} nearest neighbours, found {}; record more samples", k, k,
         references.rows);
  if (same) return;
  greatest_number(queries);
  own_ = order_by_cell(queries, cells.space, cells.centres);
}

namespace {

Neighbors room_for(int64_t queries, int k) {
  const auto count = static_cast<size_t>(queries * k);
  return {k, std::vector<int32_t>(count), std::vector<float>(count)};
}

/// Calls visit(group) for the groups of a rank: in turn, since the groups of one part of the space may be
/// harder than those of another.
template <typename Visit>
void for_groups_of(int rank, std::span<const QueryGroup> groups, const Visit& visit) {
  for (auto g = static_cast<size_t>(rank); g < groups.size(); g += static_cast<size_t>(comm().size()))
    visit(groups[g]);
}

}  // namespace

Neighbors CellSearch::begin_answers(std::span<const QueryGroup> groups) {
  rows_.assign(static_cast<size_t>(queries_.rows), -1);
  int32_t next = 0;
  for_groups_of(comm().rank(), groups, [&](QueryGroup group) {
    for (int64_t i = group.begin; i < group.end; ++i) rows_[static_cast<size_t>(i)] = next++;
  });
  return room_for(next, k_);
}

/// A group ends with a cell, unless it is small, or when it is large.
std::vector<QueryGroup> CellSearch::groups() const {
  std::vector<QueryGroup> groups;
  int64_t begin = 0;
  for (size_t c = 1; c < order().begin.size(); ++c) {
    const int64_t end = order().begin[c];
    while (end - begin >= 2 * group_size) {
      groups.push_back({begin, begin + group_size});
      begin += group_size;
    }
    const bool last = c + 1 == order().begin.size();
    if (end - begin > group_size) {
      groups.push_back({begin, begin + (end - begin) / 2});
      begin += (end - begin) / 2;
    }
    if (end - begin >= group_size / 4 || (last && end > begin)) {
      groups.push_back({begin, end});
      begin = end;
    }
  }
  return groups;
}

/// Calls visit(i, position, squared code distance) for the references from `begin` on, at most a tile,
/// whose distance is below limit(i), which is asked once for each query.
template <typename Limit, typename Visit>
void CellSearch::compare(QueryGroup group, int64_t begin, int64_t width, SearchWork& w, const Limit& limit,
                         const Visit& visit) const {
  const int64_t rows = group.end - group.begin, d = cells_.space.dims();
  const Codes& references = cells_.order.codes;
  multiply_u8s8(rows, width, d, w.codes.data(), &references.code[begin * d], w.products.data());
  const int32_t* norm = &references.norm[begin];
  for (int64_t i = 0; i < rows; ++i) {
    const int32_t* product = &w.products[i * width];
    const int32_t offset = order().codes.offset[group.begin + i];
    const auto below = static_cast<int32_t>(
        std::min<int64_t>(static_cast<int64_t>(limit(i)) - offset, std::numeric_limits<int32_t>::max()));
    const int64_t count = select_below(product, norm, width, below, w.selected.data());
    for (int64_t s = 0; s < count; ++s) {
      const int32_t j = w.selected[s];
      if (same_ && begin + j == group.begin + i) continue;
      visit(i, static_cast<int32_t>(begin + j), norm[j] - 2 * product[j] + offset);
    }
  }
}

Hit CellSearch::measure(int64_t query, int32_t position) const {
  const int32_t id = cells_.order.id[position];
  return {squared_distance(queries_.row(order().id[query]), references_.row(id), queries_.cols), id};
}

/// Measures candidates and keeps the k nearest of them and the hits. Returns whether hits changed.
bool CellSearch::improve(int64_t query, std::span<const int32_t> candidates, std::vector<Hit>& hits) const {
  bool changed = false;
  for (const int32_t position : candidates) {
    const int32_t id = cells_.order.id[position];
    // Where most samples are the same one, only the index is left to compare.
    if (hits.back().squared == 0 && id > hits.back().index) continue;
    if (std::ranges::any_of(hits, [&](const Hit& h) { return h.index == id; })) continue;
    const Hit hit = measure(query, position);
    if (!(hit < hits.back())) continue;
    insert(hits, k_, hit);
    changed = true;
  }
  return changed;
}

void CellSearch::open(QueryGroup group, SearchWork& w) const {
  const int64_t rows = group.end - group.begin, d = cells_.space.dims();
  w.products.resize(group_size * most_tile_width);
  w.selected.resize(most_tile_width + 16);
  w.lists.resize(group_size);
  w.found.resize(group_size);
  w.hits.resize(group_size);
  w.norms.resize(group_size);
  if (w.points.rows() == 0) w.points = Matrix(group_size, d);
  w.codes.resize(rows * d);
  const auto& codes = order().codes;
  for (int64_t l = 0; l < rows * d; ++l)
    w.codes[l] = static_cast<uint8_t>(codes.code[group.begin * d + l] + 128);
  for (int64_t i = 0; i < rows; ++i) {
    decode(codes, group.begin + i, w.points.row(i));
    w.norms[i] = squared_norm(w.points.row(i), d);
  }
}

void CellSearch::probe(QueryGroup group, int probes, int kept, SearchWork& w) const {
  const int64_t rows = group.end - group.begin, cells = cells_.centres.count();
  // Of all queries together: their mean square distance to a centre is that of their mean, and something that
  // is the same for all centres.
  Matrix mean(1, cells_.space.dims()), distances;
  for (int64_t i = 0; i < rows; ++i) add(w.points.row(i), mean.cols(), mean.data());
  for (int64_t l = 0; l < mean.cols(); ++l) mean.data()[l] /= static_cast<float>(rows);
  cells_.centres.distances(mean, distances);
  float* const far = distances.data();
  // std::sort runs past its range where numbers cannot be ordered.
  for (int64_t c = 0; c < cells; ++c) far[c] = far[c] < INFINITY ? far[c] : INFINITY;
  std::vector<int32_t> nearest(cells);
  std::iota(nearest.begin(), nearest.end(), 0);
  std::sort(nearest.begin(), nearest.end(),
            [&](int32_t a, int32_t b) { return std::pair(far[a], a) < std::pair(far[b], b); });
  for (int64_t i = 0; i < rows; ++i) {
    w.lists[i].clear(kept);
    w.hits[i].clear();
  }
  // What is found in the nearest cells bounds what is worth keeping of others, if these are many.
  constexpr int many = 16;
  int64_t seen = 0, measured_at = probes > many ? many / 4 : cells;
  for (int64_t p = 0; p < cells && (p < probes || seen <= 2 * kept); ++p) {
    if (p == measured_at) {
      measure_candidates(group, kept, w);
      measured_at *= 2;
    }
    const auto c = static_cast<size_t>(nearest[p]);
    const int64_t end = cells_.order.begin[c + 1];
    for (int64_t begin = cells_.order.begin[c]; begin < end; begin += tile_width_) {
      const int64_t width = std::min(tile_width_, end - begin);
      seen += width;
      compare(
          group, begin, width, w, [&](int64_t i) { return w.lists[i].limit(); },
          [&](int64_t i, int32_t position, int32_t squared) {
            auto& list = w.lists[i];
            if (squared < list.limit()) list.push({position, squared});
          });
    }
  }
  measure_candidates(group, kept, w);
}

/// Hits become the k nearest of them and the candidates; lists begin anew with what may be nearer.
void CellSearch::measure_candidates(QueryGroup group, int kept, SearchWork& w) const {
  const float step = cells_.space.step();
  // Rounding both points adds dims / 6 to the square on average, and a deviation of sqrt(1 / 6) steps to the
  // distance, of which three are allowed.
  const auto rounded = static_cast<float>(cells_.space.dims()) / 6;
  for (int64_t i = 0; i < group.size(); ++i) {
    auto& hits = w.hits[i];
    const auto limit = [&] {
      if (static_cast<int>(hits.size()) < k_) return std::numeric_limits<int32_t>::max();
      const float reach = std::sqrt(hits.back().squared) / step;
      return static_cast<int32_t>(std::min(reach * reach + 2.5f * reach + rounded + 1, 2e9f));
    };
    for (const auto& c : w.lists[i].sorted()) {
      if (c.squared >= limit()) break;
      insert(hits, k_, measure(group.begin + i, c.position));
    }
    w.lists[i].clear(kept, limit());
  }
}

void CellSearch::prove(QueryGroup group, SearchWork& w) const {
  const int64_t rows = group.end - group.begin, cells = cells_.centres.count();
  const CellOrder& references = cells_.order;
  if (w.squared.rows() == 0) w.squared = Matrix(group_size, cells);
  cells_.centres.distances(w.points.view().slice(0, rows), w.squared);
  std::vector<float> reach(rows);
  const auto set_reach = [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    reach[at] =
        std::sqrt(w.hits[at].back().squared) / cells_.space.step() + order().codes.moved[group.begin + i];
  };
  std::vector<uint32_t> need(cells, 0);
  std::vector<float> spread(cells);
  for (size_t c = 0; c < spread.size(); ++c) spread[c] = cells_.radius[c] + cells_.moved[c];
  for (int64_t i = 0; i < rows; ++i) {
    set_reach(i);
    mark_cells(w.squared.row(i), cells_.centres.norms(), spread.data(), cells, w.norms[i], reach[i],
               need.data());
  }
  for (int64_t c = 0; c < cells;) {
    if (need[c] == 0) {
      ++c;
      continue;
    }
    // Cells that are neighbours in number are compared at once.
    const int64_t begin = references.begin[c];
    float moved = 0;
    int64_t end = begin;
    for (; c < cells && need[c] != 0; ++c) {
      const int64_t next = references.begin[static_cast<size_t>(c) + 1];
      if (end > begin && next - begin > tile_width_) break;
      end = next;
      moved = std::max(moved, cells_.moved[c]);
    }
    for (int64_t tile = begin; tile < end; tile += tile_width_) {
      for (int64_t i = 0; i < rows; ++i) w.found[i].clear();
      compare(
          group, tile, std::min(tile_width_, end - tile), w,
          [&](int64_t i) {
            const double steps = static_cast<double>(reach[i]) + moved;
            return static_cast<int32_t>(std::min(steps * steps * 1.0001 + 2, 2e9));
          },
          [&](int64_t i, int32_t position, int32_t) { w.found[i].push_back(position); });
      for (int64_t i = 0; i < rows; ++i)
        if (improve(group.begin + i, w.found[i], w.hits[i])) set_reach(i);
    }
  }
}

void CellSearch::store(QueryGroup group, const SearchWork& w, Neighbors& answers) const {
  for (int64_t i = group.begin; i < group.end; ++i) {
    const auto& hits = w.hits[i - group.begin];
    const auto row = static_cast<size_t>(rows_[i]) * static_cast<size_t>(k_);
    for (size_t r = 0; r < hits.size(); ++r) {
      answers.index[row + r] = hits[r].index;
      answers.distance[row + r] = std::sqrt(hits[r].squared);
    }
  }
}

void CellSearch::answer(std::span<const QueryGroup> groups, std::span<SearchWork> work,
                        const std::function<void(QueryGroup, SearchWork&)>& each) {
  std::vector<QueryGroup> own;
  for_groups_of(comm().rank(), groups, [&](QueryGroup group) { own.push_back(group); });
  parallel_for(std::ssize(own), 1, [&](int64_t g, int64_t, int worker) {
    each(own[static_cast<size_t>(g)], work[static_cast<size_t>(worker)]);
  });
}

Neighbors CellSearch::delivered(Neighbors answers, std::span<const QueryGroup> groups, Queries wanted) const {
  if (comm().size() == 1) return in_order_of_queries(std::move(answers));
  return wanted == Queries::all ? all(answers, groups) : owned(std::move(answers), groups);
}

/// Of a job of one rank, whose answers are in the order of positions. Written from the first to the last: the
/// arrays may be larger than the memory.
Neighbors CellSearch::in_order_of_queries(Neighbors answers) const {
  const auto k = static_cast<size_t>(k_);
  std::vector<int32_t> position(order().id.size());
  for (size_t i = 0; i < position.size(); ++i)
    position[static_cast<size_t>(order().id[i])] = static_cast<int32_t>(i);
  const auto sort = [&](auto& values) {
    std::decay_t<decltype(values)> sorted(values.size());
    parallel_for(std::ssize(position), 4096, [&](int64_t begin, int64_t end, int) {
      for (auto q = static_cast<size_t>(begin); q < static_cast<size_t>(end); ++q)
        std::copy_n(&values[static_cast<size_t>(position[q]) * k], k, &sorted[q * k]);
    });
    values = std::move(sorted);
  };
  sort(answers.index);
  sort(answers.distance);
  return answers;
}

Neighbors CellSearch::all(const Neighbors& answers, std::span<const QueryGroup> groups) const {
  std::vector<int32_t> ids;  // of the answers, rank by rank
  std::vector<size_t> first{0};
  for (int r = 0; r < comm().size(); ++r) {
    for_groups_of(r, groups, [&](QueryGroup group) {
      for (int64_t i = group.begin; i < group.end; ++i) ids.push_back(order().id[static_cast<size_t>(i)]);
    });
    first.push_back(ids.size());
  }
  Neighbors out = room_for(queries_.rows, k_);
  const auto k = static_cast<size_t>(k_);
  const auto share = [&](const auto& own, auto& values) {
    auto packed = values;
    std::ranges::copy(
        own, packed.begin() + static_cast<std::ptrdiff_t>(first[static_cast<size_t>(comm().rank())] * k));
    std::vector<int64_t> begin;
    for (const size_t i : first) begin.push_back(static_cast<int64_t>(i * k * sizeof values[0]));
    comm().gather(bytes_of(packed), begin);
    for (size_t i = 0; i < ids.size(); ++i)
      std::copy_n(&packed[i * k], k, &values[static_cast<size_t>(ids[i]) * k]);
  };
  share(answers.index, out.index);
  share(answers.distance, out.distance);
  return out;
}

/// Every answer goes to the rank that owns the query.
Neighbors CellSearch::owned(Neighbors answers, std::span<const QueryGroup> groups) const {
  std::vector<int32_t> ids;  // of the answers
  for_groups_of(comm().rank(), groups, [&](QueryGroup group) {
    for (int64_t i = group.begin; i < group.end; ++i) ids.push_back(order().id[static_cast<size_t>(i)]);
  });
  std::vector<size_t> sent(ids.size());  // answers in the order in which they are sent
  std::iota(sent.begin(), sent.end(), size_t{0});
  std::ranges::sort(sent, {}, [&](size_t a) { return ids[a]; });
  std::vector<int64_t> counts;
  for (int r = 0; r < comm().size(); ++r) {
    const RowRange rows = range_of_rank(queries_.rows, owned_grain, r);
    counts.push_back(
        std::ranges::count_if(ids, [&](int32_t id) { return id >= rows.begin && id < rows.end; }));
  }
  std::vector<int32_t> sent_ids;
  for (const size_t a : sent) sent_ids.push_back(ids[a]);
  const std::vector<int32_t> came = exchanged(std::move(sent_ids), counts);
  for (auto& count : counts) count *= k_;
  const RowRange own = owned_rows(queries_.rows);
  Neighbors out = room_for(own.size(), k_);
  const auto k = static_cast<size_t>(k_);
  const auto share = [&](auto& from, auto& to) {
    auto packed = std::decay_t<decltype(from)>(from.size());
    for (size_t i = 0; i < sent.size(); ++i) std::copy_n(&from[sent[i] * k], k, &packed[i * k]);
    release(from);
    packed = exchanged(std::move(packed), counts);
    for (size_t i = 0; i < came.size(); ++i)
      std::copy_n(&packed[i * k], k, &to[static_cast<size_t>(came[i] - own.begin) * k]);
  };
  share(answers.index, out.index);
  share(answers.distance, out.distance);
  return out;
}

void CellSearch::load(QueryGroup group, const Neighbors& stored, SearchWork& w) const {
  for (int64_t i = group.begin; i < group.end; ++i) {
    auto& hits = w.hits[i - group.begin];
    hits.clear();
    const int32_t id = order().id[i];
    for (const int32_t j : stored.row(rows_[i]))
      hits.push_back({squared_distance(queries_.row(id), references_.row(j), queries_.cols), j});
  }
}

}  // namespace dvi
