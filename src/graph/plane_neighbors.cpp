#include "graph/plane_neighbors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"

// The same source for every instruction set; the loader picks. Contraction to fused multiply-add is off for
// this file (CMakeLists.txt), so that all of them round alike and equal distances stay equal.

namespace dvi {
namespace {

constexpr int32_t bucket_size = 32;

// Distance first, id second, in one integer: squared distances are never negative, so their bits sort like
// they do.
uint64_t make_key(float squared, int32_t id) {
  return static_cast<uint64_t>(std::bit_cast<uint32_t>(squared)) << 32 | static_cast<uint32_t>(id);
}
float squared_of(uint64_t key) { return std::bit_cast<float>(static_cast<uint32_t>(key >> 32)); }
int32_t id_of(uint64_t key) { return static_cast<int32_t>(static_cast<uint32_t>(key)); }

DVI_MULTIVERSION
void squared_distances(const float* xs, const float* ys, int n, float x, float y, float* out) {
  for (int i = 0; i < n; ++i) {
    const float dx = xs[i] - x, dy = ys[i] - y;
    out[i] = dx * dx + dy * dy;
  }
}

/// `best` [k] ascends; its last key falls out.
void insert(uint64_t* best, int k, uint64_t key) {
  int at = k - 1;
  for (; at > 0 && best[at - 1] > key; --at) best[at] = best[at - 1];
  best[at] = key;
}

/// Orders queries by cells of a coarse grid, so that consecutive ones walk the same boxes.
std::vector<int32_t> spatial_order(MatrixView queries) {
  constexpr int side = 64;
  const auto n = static_cast<size_t>(queries.rows);
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < queries.rows; ++i)
    for (int axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], queries(i, axis));
      high[axis] = std::max(high[axis], queries(i, axis));
    }
  const auto cell = [&](int64_t i) {
    int at[2];
    for (int axis = 0; axis < 2; ++axis) {
      const float share = (queries(i, axis) - low[axis]) / std::max(high[axis] - low[axis], 1e-30f);
      at[axis] = std::clamp(static_cast<int>(share * side), 0, side - 1);
    }
    return at[0] * side + (at[0] % 2 ? side - 1 - at[1] : at[1]);
  };
  std::vector<int32_t> begin(side * side + 1, 0), cells(n), order(n);
  for (size_t i = 0; i < n; ++i) ++begin[(cells[i] = cell(static_cast<int64_t>(i))) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  for (size_t i = 0; i < n; ++i) order[begin[cells[i]]++] = static_cast<int32_t>(i);
  return order;
}

std::vector<int32_t> all_ids(int64_t n) {
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

void expect_plane(MatrixView points, const char* what) {
  if (points.cols != 2)
    fail("{}: expected 2 columns, found {}; give positions in the plane", what, points.cols);
  for (int64_t i = 0; i < points.rows; ++i)
    if (!std::isfinite(points(i, 0)) || !std::isfinite(points(i, 1)))
      fail("{}: expected finite positions, found ({}, {}) for row {}; fit this epoch again", what,
           points(i, 0), points(i, 1), i);
}

/// Boxes of a tree over n points: halves differ by one point at most, so this depends on n alone.
int32_t boxes_of(int32_t n) {
  if (n <= bucket_size) return 1;
  return 1 + boxes_of(n / 2) + boxes_of(n - n / 2);
}

}  // namespace

PlaneIndex::PlaneIndex(MatrixView points) : PlaneIndex(points, all_ids(points.rows)) {}

PlaneIndex::PlaneIndex(MatrixView points, std::span<const int32_t> ids) {
  expect_plane(points, "plane neighbours");
  if (ids.empty()) return;
  std::vector<Point> sorted(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) sorted[i] = {points(ids[i], 0), points(ids[i], 1), ids[i]};
  const auto n = static_cast<int32_t>(ids.size());
  boxes_.resize(boxes_of(n));

  // The first halvings in this thread, then the parts in parallel.
  std::vector<Part> parts;
  split(sorted, {0, n, 0}, std::max(bucket_size, n / 32), &parts);
  parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) split(sorted, parts[i], 0, nullptr);
  });
  xs_.resize(ids.size());
  ys_.resize(ids.size());
  ids_.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    xs_[i] = sorted[i].x;
    ys_[i] = sorted[i].y;
    ids_[i] = sorted[i].id;
  }
}

void PlaneIndex::split(std::vector<Point>& points, Part part, int32_t smallest, std::vector<Part>* parts) {
  Box& box = boxes_[part.box];
  box.begin = part.begin;
  box.end = part.end;
  const int32_t n = part.end - part.begin;
  if (parts && n <= smallest) {
    parts->push_back(part);
    return;
  }
  const auto first = points.begin() + part.begin, last = points.begin() + part.end;
  float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
  int32_t min_id = std::numeric_limits<int32_t>::max();
  for (auto p = first; p != last; ++p) {
    x0 = std::min(x0, p->x);
    y0 = std::min(y0, p->y);
    x1 = std::max(x1, p->x);
    y1 = std::max(y1, p->y);
    min_id = std::min(min_id, p->id);
  }
  box.x0 = x0;
  box.y0 = y0;
  box.x1 = x1;
  box.y1 = y1;
  box.min_id = min_id;
  box.right = 0;
  if (n <= bucket_size) return;

  // Points of equal coordinate are split by id: a pile of duplicates becomes boxes of ascending ids.
  const auto middle = first + n / 2;
  if (x1 - x0 >= y1 - y0)
    std::nth_element(first, middle, last,
                     [](const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.id < b.id); });
  else
    std::nth_element(first, middle, last,
                     [](const Point& a, const Point& b) { return a.y < b.y || (a.y == b.y && a.id < b.id); });
  box.right = part.box + 1 + boxes_of(n / 2);
  const Part left{part.begin, part.begin + n / 2, part.box + 1};
  const Part right{part.begin + n / 2, part.end, box.right};
  split(points, left, smallest, parts);
  split(points, right, smallest, parts);
}

void PlaneIndex::search(float x, float y, int k, int32_t self, uint64_t* best) const {
  std::fill(best, best + k, std::numeric_limits<uint64_t>::max());
  struct Waiting {
    uint64_t bound;
    int32_t box;
  };
  Waiting stack[64];  // one a level; halving 2^31 points takes fewer
  int depth = 0;
  const auto bound_of = [&](int32_t b) {
    const Box& box = boxes_[b];
    const float dx = std::max(std::max(box.x0 - x, x - box.x1), 0.f);
    const float dy = std::max(std::max(box.y0 - y, y - box.y1), 0.f);
    return make_key(dx * dx + dy * dy, box.min_id);
  };
  stack[depth++] = {0, 0};
  float squared[bucket_size];
  while (depth > 0) {
    auto [bound, at] = stack[--depth];
    if (bound > best[k - 1]) continue;
    while (boxes_[at].right != 0) {
      int32_t near = at + 1, far = boxes_[at].right;
      uint64_t near_bound = bound_of(near), far_bound = bound_of(far);
      if (far_bound < near_bound) {
        std::swap(near, far);
        std::swap(near_bound, far_bound);
      }
      if (far_bound < best[k - 1]) stack[depth++] = {far_bound, far};
      at = near;
      bound = near_bound;
      if (bound > best[k - 1]) break;
    }
    const Box& box = boxes_[at];
    if (box.right != 0) continue;
    const int n = box.end - box.begin;
    squared_distances(&xs_[box.begin], &ys_[box.begin], n, x, y, squared);
    float worst = squared_of(best[k - 1]);  // NaN while fewer than k are found
    for (int i = 0; i < n; ++i) {
      if (squared[i] > worst) continue;
      const int32_t id = ids_[box.begin + i];
      const uint64_t key = make_key(squared[i], id);
      if (key >= best[k - 1] || id == self) continue;
      insert(best, k, key);
      worst = squared_of(best[k - 1]);
    }
  }
}

Neighbors PlaneIndex::nearest(MatrixView queries, int k, std::span<const int32_t> self) const {
  expect_plane(queries, "plane neighbours");
  if (!self.empty() && static_cast<int64_t>(self.size()) != queries.rows)
    fail("plane neighbours: expected an id for each of {} queries, found {}", queries.rows, self.size());
  Neighbors out;
  out.k = static_cast<int>(std::clamp<int64_t>(size() - (self.empty() ? 0 : 1), 0, k));
  if (out.k == 0) return out;
  const auto order = spatial_order(queries);
  const auto k_found = static_cast<size_t>(out.k);
  std::vector<uint64_t> best(order.size() * k_found);  // in that order
  const auto search_some = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t query = order[i];
      search(queries(query, 0), queries(query, 1), out.k, self.empty() ? -1 : self[query],
             &best[static_cast<size_t>(i) * k_found]);
    }
  };
  shared_for(queries.rows, 256, search_some, {shared_rows(best, out.k)});
  out.index.resize(best.size());
  out.distance.resize(best.size());
  parallel_for(queries.rows, 4096, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      for (size_t j = 0; j < k_found; ++j) {
        const size_t at = static_cast<size_t>(order[i]) * k_found + j;
        out.index[at] = id_of(best[i * k_found + j]);
        out.distance[at] = std::sqrt(squared_of(best[i * k_found + j]));
      }
  });
  return out;
}

Neighbors plane_neighbors(MatrixView positions, std::span<const int32_t> queries,
                          std::span<const int32_t> references, int k) {
  const PlaneIndex index(positions, references);
  return index.nearest(gather_rows(positions, queries), k, queries);
}

}  // namespace dvi
