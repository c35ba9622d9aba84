#include "graph/neighbors.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"
#include "core/random.h"
#include "linalg/gemm.h"
#include "linalg/principal_subspace.h"

// How it is exact and still cheap. All pairs are compared by 8-bit codes, whose products cost a quarter of
// float32's, and the few that can matter are measured exactly:
//
// 1. Let p be a point's coordinates in an orthonormal basis of r dimensions and rho the length of what the
// basis leaves out. Then
//    |x - y|^2 >= |p_x - p_y|^2 + (rho_x - rho_y)^2, so (p, rho) is a point of r + 1 dimensions whose
//    distances are lower bounds. (Or all D dimensions are kept, with no loss.)
// 2. A code is such a point rounded to a grid; e is the distance it was moved. By the triangle inequality
//    |x - y| >= |code_x - code_y| - e_x - e_y. Squared code distances are whole numbers, so this step has no
//    rounding error.
// 3. The `kept` nearest codes of a query are measured exactly, nearest first, until the bound proves that no
// other reference can be
//    among the k nearest. Queries that stay without proof collect every reference within their k-th distance
//    so far.
//
// r and `kept` are chosen by trying a sample of queries.

namespace dvi {
namespace {

// A tile of products fits the second-level cache; `group` products are tested at once.
constexpr int64_t query_block = 256, reference_block = 1024, group = 64;

struct Candidate {
  int32_t squared;  // code distance, in grid steps
  int32_t index;
  bool operator<(const Candidate& o) const {
    return squared != o.squared ? squared < o.squared : index < o.index;
  }
};

/// Bounded candidate lists, one a query: the `kept` smallest survive, gathered in a buffer of twice the size.
class CandidateLists {
 public:
  CandidateLists(int64_t n, int kept)
      : kept_(kept), items_(static_cast<size_t>(n * 2 * kept)), rows_(static_cast<size_t>(n)) {}
  /// Only smaller distances are worth a push. Falls over time; a stale value is too large, never too small.
  int32_t limit(int64_t i) const {
    return rows_[static_cast<size_t>(i)].limit.load(std::memory_order_relaxed);
  }
  /// For a list that only the calling thread fills.
  void push(int64_t i, Candidate c) {
    auto& row = rows_[static_cast<size_t>(i)];
    items(i)[row.count++] = c;
    if (row.count == 2 * kept_) shrink(i);
  }
  /// For a list that several threads fill; drops what is no longer below the limit.
  void offer(int64_t i, Candidate c) {
    auto& lock = rows_[static_cast<size_t>(i)].lock;
    while (lock.test_and_set(std::memory_order_acquire)) {
    }
    if (c.squared < limit(i)) push(i, c);
    lock.clear(std::memory_order_release);
  }
  /// The smallest `kept`, ascending.
  std::span<const Candidate> sorted(int64_t i) {
    shrink(i);
    const int count = rows_[static_cast<size_t>(i)].count;
    std::sort(items(i), items(i) + count);
    return {items(i), static_cast<size_t>(count)};
  }

 private:
  struct Row {
    std::atomic<int32_t> limit{std::numeric_limits<int32_t>::max()};
    int32_t count = 0;
    std::atomic_flag lock;
  };
  Candidate* items(int64_t i) { return &items_[static_cast<size_t>(i * 2 * kept_)]; }
  void shrink(int64_t i) {
    auto& row = rows_[static_cast<size_t>(i)];
    if (row.count < kept_) return;
    std::nth_element(items(i), items(i) + kept_ - 1, items(i) + row.count);
    row.count = kept_;
    // Ties of the last one stay welcome: which of them is nearer is settled by the exact distance.
    row.limit.store(items(i)[kept_ - 1].squared + 1, std::memory_order_relaxed);
  }
  int kept_;
  std::vector<Candidate> items_;
  std::vector<Row> rows_;
};

/// Bit j: pair j of a group is below the row's limit, or below its own column's.
struct Below {
  uint64_t row = 0, column = 0;
};

/// Turns a group of products into squared distances, norm - 2 * product + offset, and tells which are below
/// their limits.
Below distances_portable(int32_t* product, const int32_t* norm, int32_t offset, int32_t row_limit,
                         const int32_t* column_limit) {
  int any = 0;
  for (int j = 0; j < group; ++j) {
    const int32_t squared = norm[j] - 2 * product[j] + offset;
    product[j] = squared;
    any |= static_cast<int>(squared < row_limit) | static_cast<int>(squared < column_limit[j]);
  }
  Below below;
  if (any == 0) return below;
  for (int j = 0; j < group; ++j) {
    below.row |= static_cast<uint64_t>(product[j] < row_limit) << j;
    below.column |= static_cast<uint64_t>(product[j] < column_limit[j]) << j;
  }
  return below;
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) Below distances_avx512(int32_t* product, const int32_t* norm,
                                                          int32_t offset, int32_t row_limit,
                                                          const int32_t* column_limit) {
  Below below;
  for (int j = 0; j < group; j += 16) {
    const __m512i twice = _mm512_add_epi32(_mm512_loadu_si512(product + j), _mm512_loadu_si512(product + j));
    const __m512i squared =
        _mm512_add_epi32(_mm512_sub_epi32(_mm512_loadu_si512(norm + j), twice), _mm512_set1_epi32(offset));
    _mm512_storeu_si512(product + j, squared);
    below.row |= static_cast<uint64_t>(_mm512_cmplt_epi32_mask(squared, _mm512_set1_epi32(row_limit))) << j;
    below.column |=
        static_cast<uint64_t>(_mm512_cmplt_epi32_mask(squared, _mm512_loadu_si512(column_limit + j))) << j;
  }
  return below;
}

const auto distances = __builtin_cpu_supports("avx512f") ? distances_avx512 : distances_portable;
#else
const auto distances = distances_portable;
#endif

/// Calls visit(j) for every set bit j < width.
template <typename Visit>
void for_each_bit(uint64_t bits, int64_t width, const Visit& visit) {
  if (width < group) bits &= (uint64_t{1} << width) - 1;
  for (; bits != 0; bits &= bits - 1) visit(std::countr_zero(bits));
}

DVI_MULTIVERSION float squared_distance(const float* x, const float* y, int64_t d) {
  float lane[32] = {};
  int64_t l = 0;
  for (; l + 32 <= d; l += 32)
    for (int k = 0; k < 32; ++k) {
      const float difference = x[l + k] - y[l + k];
      lane[k] += difference * difference;
    }
  float sum = 0;
  for (const float v : lane) sum += v;
  for (; l < d; ++l) sum += (x[l] - y[l]) * (x[l] - y[l]);
  return sum;
}

/// A rotation that spreads what the leading directions hold over all coordinates, so that one grid suits them
/// all.
Matrix random_rotation(int64_t n) {
  Random random(1, 0x207);
  Matrix gaussian(4 * n, n);
  for (int64_t i = 0; i < 4 * n * n; ++i) gaussian.data()[i] = static_cast<float>(random.normal());
  return principal_subspace(gaussian, n).basis;
}

/// (p, rho) of every row of x, or x itself if r >= D. [n, r + 1] or [n, D].
Matrix bound_points(MatrixView x, const PrincipalSubspace& subspace, int64_t r, const Matrix& rotation) {
  const int64_t n = x.rows, d = x.cols;
  if (r >= d) {
    Matrix copy(n, d);
    std::copy(x.data, x.data + n * d, copy.data());
    return copy;
  }
  Matrix coordinates(n, r), points(n, r + 1);
  subspace.project(x, coordinates.mut());
  parallel_for(n, 1024, [&](int64_t begin, int64_t end, int) {
    Matrix plain(end - begin, r + 1);
    for (int64_t i = begin; i < end; ++i) {
      double inside = 0;
      for (int64_t l = 0; l < r; ++l) inside += static_cast<double>(coordinates(i, l)) * coordinates(i, l);
      std::copy(coordinates.row(i), coordinates.row(i) + r, plain.row(i - begin));
      plain(i - begin, r) = static_cast<float>(
          std::sqrt(std::max(0.0, squared_distance(x.row(i), subspace.mean.data(), d) - inside)));
    }
    gemm(false, true, end - begin, r + 1, r + 1, plain.data(), r + 1, rotation.data(), r + 1,
         points.row(begin), r + 1);
  });
  return points;
}

struct Grid {
  float low = 0, step = 1;
};

Grid make_grid(std::initializer_list<const Matrix*> sets) {
  float low = INFINITY, high = -INFINITY;
  for (const Matrix* m : sets) {
    const auto [least, most] = std::minmax_element(m->data(), m->data() + m->rows() * m->cols());
    low = std::min(low, *least);
    high = std::max(high, *most);
  }
  return {low, high > low ? (high - low) / static_cast<float>(integer_levels()) : 1.f};
}

struct Codes {
  int64_t n = 0, dims = 0;
  AlignedVector<uint8_t> as_query;     // [n, dims]
  AlignedVector<int8_t> as_reference;  // [n, dims], code - 128
  AlignedVector<int32_t> norm;         // squared; padded to whole reference blocks
  std::vector<int32_t> query_offset;   // squared norm - 256 * sum of codes: undoes the shift of as_reference
  std::vector<float> moved;            // e, in feature units, rounded up
  float most_moved = 0;
};

Codes encode(const Matrix& points, Grid grid) {
  Codes codes;
  const int64_t n = codes.n = points.rows(), d = codes.dims = points.cols();
  codes.as_query.resize(static_cast<size_t>(n * d));
  codes.as_reference.resize(static_cast<size_t>(n * d));
  codes.norm.assign(static_cast<size_t>((n + reference_block - 1) / reference_block * reference_block), 0);
  codes.query_offset.resize(static_cast<size_t>(n));
  codes.moved.resize(static_cast<size_t>(n));
  const auto top = static_cast<float>(integer_levels());
  parallel_for(n, 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      int32_t norm = 0, sum = 0;
      float error = 0;
      for (int64_t l = 0; l < d; ++l) {
        const float exact = (points(i, l) - grid.low) / grid.step;
        const float rounded = std::clamp(std::floor(exact + 0.5f), 0.f, top);
        error += (exact - rounded) * (exact - rounded);
        const int code = static_cast<int>(rounded);
        codes.as_query[static_cast<size_t>(i * d + l)] = static_cast<uint8_t>(code);
        codes.as_reference[static_cast<size_t>(i * d + l)] = static_cast<int8_t>(code - 128);
        norm += code * code;
        sum += code;
      }
      codes.norm[static_cast<size_t>(i)] = norm;
      codes.query_offset[static_cast<size_t>(i)] = norm - 256 * sum;
      // A little more than measured covers the float32 rounding of coordinates and distances.
      codes.moved[static_cast<size_t>(i)] = grid.step * (std::sqrt(error) * 1.001f + 0.02f);
    }
  });
  codes.most_moved = *std::max_element(codes.moved.begin(), codes.moved.end());
  return codes;
}

/// Calls visit(row, reference, squared code distance) for every pair below limit(row); rows of `queries` are
/// `rows`, visited by one thread each.
template <typename Limit, typename Visit>
void compare_all(const Codes& queries, std::span<const int32_t> rows, const Codes& references,
                 const Limit& limit, const Visit& visit) {
  const int64_t d = queries.dims;
  parallel_for(static_cast<int64_t>(rows.size()), query_block, [&](int64_t begin, int64_t end, int) {
    thread_local AlignedVector<int32_t> products;
    products.resize(static_cast<size_t>(query_block * reference_block));
    AlignedVector<uint8_t> block_codes(static_cast<size_t>((end - begin) * d));
    for (int64_t i = begin; i < end; ++i)
      std::copy_n(&queries.as_query[static_cast<size_t>(rows[static_cast<size_t>(i)] * d)], d,
                  &block_codes[static_cast<size_t>((i - begin) * d)]);
    const AlignedVector<int32_t> no_column(static_cast<size_t>(group), std::numeric_limits<int32_t>::min());
    for (int64_t block = 0; block < references.n; block += reference_block) {
      const int64_t width = std::min(reference_block, references.n - block);
      gemm_u8s8(end - begin, width, d, block_codes.data(),
                &references.as_reference[static_cast<size_t>(block * d)], products.data(), reference_block);
      for (int64_t i = begin; i < end; ++i) {
        int32_t* product = &products[static_cast<size_t>((i - begin) * reference_block)];
        const int32_t offset = queries.query_offset[static_cast<size_t>(rows[static_cast<size_t>(i)])];
        for (int64_t j = 0; j < width; j += group) {
          const Below below = distances(product + j, &references.norm[static_cast<size_t>(block + j)], offset,
                                        limit(i), no_column.data());
          for_each_bit(below.row, width - j, [&](int64_t l) {
            if (product[j + l] < limit(i)) visit(i, static_cast<int32_t>(block + j + l), product[j + l]);
          });
        }
      }
    }
  });
}

/// The same for all pairs of one set into `lists`, each product computed once and offered to both of its
/// samples.
void compare_all_symmetric(const Codes& set, CandidateLists& lists) {
  const int64_t n = set.n, d = set.dims;
  const auto compare_tile = [&](int64_t begin, int64_t end, int64_t block, bool own) {
    thread_local AlignedVector<int32_t> products, column_limits;
    products.resize(static_cast<size_t>(query_block * reference_block));
    column_limits.resize(static_cast<size_t>(reference_block));
    const int64_t width = std::min(reference_block, n - block);
    gemm_u8s8(end - begin, width, d, &set.as_query[static_cast<size_t>(begin * d)],
              &set.as_reference[static_cast<size_t>(block * d)], products.data(), reference_block);
    for (int64_t j = 0; j < reference_block; ++j)
      column_limits[static_cast<size_t>(j)] =
          own || j >= width ? std::numeric_limits<int32_t>::min() : lists.limit(block + j);
    for (int64_t i = begin; i < end; ++i) {
      int32_t* product = &products[static_cast<size_t>((i - begin) * reference_block)];
      const int32_t offset = set.query_offset[static_cast<size_t>(i)];
      for (int64_t j = 0; j < width; j += group) {
        const Below below = distances(product + j, &set.norm[static_cast<size_t>(block + j)], offset,
                                      lists.limit(i), &column_limits[static_cast<size_t>(j)]);
        for_each_bit(below.row, width - j, [&](int64_t l) {
          if (block + j + l != i) lists.offer(i, {product[j + l], static_cast<int32_t>(block + j + l)});
        });
        for_each_bit(below.column, width - j, [&](int64_t l) {
          lists.offer(block + j + l, {product[j + l], static_cast<int32_t>(i)});
        });
      }
    }
  };
  // Every sample first meets those of its own tile, all of them, so that its limit is small when the long
  // rows of tiles begin. There nothing is to be offered in reverse.
  parallel_for(n, query_block, [&](int64_t begin, int64_t end, int) {
    compare_tile(begin, end, begin / reference_block * reference_block, true);
  });
  // The first blocks have the most tiles to their right and go first, so that the threads finish together.
  parallel_for(n, query_block, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin / reference_block * reference_block + reference_block; block < n;
         block += reference_block)
      compare_tile(begin, end, block, false);
  });
}

class Search {
 public:
  Search(MatrixView queries, MatrixView references, const PrincipalSubspace& subspace, int64_t r, int k,
         bool same)
      : queries_(queries), references_(references), k_(k), same_(same) {
    const Matrix rotation = r < references.cols ? random_rotation(r + 1) : Matrix();
    const Matrix reference_points = bound_points(references, subspace, r, rotation);
    const Matrix query_points = same ? Matrix() : bound_points(queries, subspace, r, rotation);
    const Grid grid = same ? make_grid({&reference_points}) : make_grid({&reference_points, &query_points});
    step_ = grid.step;
    reference_codes_ = encode(reference_points, grid);
    if (!same) query_codes_ = encode(query_points, grid);
  }

  /// For each sampled query, how many of its nearest codes had to be known to prove its answer; `limit` if
  /// more than that.
  std::vector<int> needed(std::span<const int32_t> sample, int limit) const {
    CandidateLists lists(static_cast<int64_t>(sample.size()), limit);
    compare_all(
        query_codes(), sample, reference_codes_, [&](int64_t s) { return lists.limit(s); },
        [&](int64_t s, int32_t j, int32_t squared) {
          if (!same_ || j != sample[static_cast<size_t>(s)]) lists.push(s, {squared, j});
        });
    std::vector<int> count(sample.size());
    parallel_for(static_cast<int64_t>(sample.size()), 8, [&](int64_t begin, int64_t end, int) {
      std::vector<Hit> hits;
      for (int64_t s = begin; s < end; ++s)
        count[static_cast<size_t>(s)] = measure(sample[static_cast<size_t>(s)], lists.sorted(s), hits);
    });
    return count;
  }

  Neighbors run(int kept) const {
    const int64_t n = queries_.rows;
    std::vector<int32_t> all(static_cast<size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    CandidateLists lists(n, kept);
    if (same_)
      compare_all_symmetric(reference_codes_, lists);
    else
      compare_all(
          query_codes_, all, reference_codes_, [&](int64_t i) { return lists.limit(i); },
          [&](int64_t i, int32_t j, int32_t squared) {
            lists.push(i, {squared, j});
          });
    Neighbors out{k_, std::vector<int32_t>(static_cast<size_t>(n * k_)),
                  std::vector<float>(static_cast<size_t>(n * k_))};
    std::vector<uint8_t> proven(static_cast<size_t>(n));
    parallel_for(n, 64, [&](int64_t begin, int64_t end, int) {
      std::vector<Hit> hits;
      for (int64_t i = begin; i < end; ++i) {
        const auto candidates = lists.sorted(i);
        // A list that was never full holds every reference.
        proven[static_cast<size_t>(i)] = measure(i, candidates, hits) < static_cast<int>(candidates.size()) ||
                                         static_cast<int>(candidates.size()) < kept;
        store(i, hits, out);
      }
    });
    std::erase_if(all, [&](int32_t i) { return proven[static_cast<size_t>(i)] != 0; });
    if (!all.empty()) collect(all, out);
    return out;
  }

 private:
  struct Hit {
    float squared;
    int32_t index;
    bool operator<(const Hit& o) const {
      return squared != o.squared ? squared < o.squared : index < o.index;
    }
  };
  const Codes& query_codes() const { return same_ ? reference_codes_ : query_codes_; }
  /// How far code distances may exceed true ones.
  float slack(int64_t i) const {
    return query_codes().moved[static_cast<size_t>(i)] + reference_codes_.most_moved;
  }

  /// The k nearest of the candidates (ascending), exactly. Returns how many were measured until no further
  /// one could be nearer; all of them if that never happened.
  int measure(int64_t i, std::span<const Candidate> candidates, std::vector<Hit>& hits) const {
    hits.clear();
    const float rounding = slack(i);
    int measured = 0;
    for (const auto& c : candidates) {
      const bool full = static_cast<int>(hits.size()) == k_;
      if (full &&
          step_ * std::sqrt(static_cast<float>(c.squared)) - rounding > std::sqrt(hits.back().squared))
        break;
      ++measured;
      const Hit hit{squared_distance(queries_.row(i), references_.row(c.index), queries_.cols), c.index};
      if (full && !(hit < hits.back())) continue;
      if (full) hits.pop_back();
      hits.insert(std::upper_bound(hits.begin(), hits.end(), hit), hit);
    }
    return measured;
  }
  void store(int64_t i, const std::vector<Hit>& hits, Neighbors& out) const {
    for (size_t r = 0; r < hits.size(); ++r) {
      out.index[static_cast<size_t>(i * k_) + r] = hits[r].index;
      out.distance[static_cast<size_t>(i * k_) + r] = std::sqrt(hits[r].squared);
    }
  }
  /// Queries without proof: everything that can be within the k-th distance found so far.
  void collect(std::span<const int32_t> open, Neighbors& out) const {
    std::vector<int32_t> limit(open.size());
    for (size_t o = 0; o < open.size(); ++o) {
      const double steps =
          (static_cast<double>(out.distance[static_cast<size_t>((open[o] + 1) * k_ - 1)]) + slack(open[o])) /
          step_;
      limit[o] = static_cast<int32_t>(std::min(steps * steps * 1.0001 + 2, 2e9));
    }
    std::vector<std::vector<Candidate>> found(open.size());
    compare_all(
        query_codes(), open, reference_codes_, [&](int64_t o) { return limit[static_cast<size_t>(o)]; },
        [&](int64_t o, int32_t j, int32_t squared) {
          if (!same_ || j != open[static_cast<size_t>(o)])
            found[static_cast<size_t>(o)].push_back({squared, j});
        });
    parallel_for(static_cast<int64_t>(open.size()), 8, [&](int64_t begin, int64_t end, int) {
      std::vector<Hit> hits;
      for (int64_t o = begin; o < end; ++o) {
        auto& candidates = found[static_cast<size_t>(o)];
        std::sort(candidates.begin(), candidates.end());
        measure(open[static_cast<size_t>(o)], candidates, hits);
        store(open[static_cast<size_t>(o)], hits, out);
      }
    });
  }

  MatrixView queries_, references_;
  int k_;
  bool same_;
  float step_;
  Codes reference_codes_, query_codes_;
};

}  // namespace

Neighbors exact_neighbors(MatrixView queries, MatrixView references, int k, bool same) {
  const int64_t available = references.rows - (same ? 1 : 0);
  if (available < k)
    fail("expected more than {} samples to find {} nearest neighbours, found {}; record more samples", k, k,
         references.rows);
  if (queries.rows == 0) return {k, {}, {}};

  // Cost of a choice of r in seconds of a thread: 8-bit products of all pairs, exact distances, which wait
  // for memory, and keeping lists of candidates. Orders of magnitude do: near ties are as good as each other.
  constexpr double product_seconds = 3.5e-12, distance_seconds = 2e-10, kept_seconds = 2e-7;
  const int64_t d = references.cols;
  const double pairs =
      static_cast<double>(queries.rows) * static_cast<double>(references.rows) * (same ? 0.5 : 1.0);
  std::vector<int32_t> sample(static_cast<size_t>(std::min<int64_t>(256, queries.rows)));
  Random random(1, 0x5a3);
  for (auto& s : sample) s = static_cast<int32_t>(random.below(static_cast<uint64_t>(queries.rows)));
  const int limit = static_cast<int>(std::min<int64_t>(available, 24 * k));

  // Small searches are done before a subspace is found.
  if (pairs * static_cast<double>(d) < 2e10)
    return Search(queries, references, {}, d, k, same)
        .run(static_cast<int>(std::min<int64_t>(available, 4 * k)));

  const PrincipalSubspace subspace = principal_subspace(references, std::min<int64_t>(127, d / 2));
  std::optional<Search> best;
  double best_cost = INFINITY;
  int best_kept = limit;
  for (const int64_t r : {int64_t{63}, int64_t{127}, d}) {
    if (r != d && 2 * r > d) continue;
    Search search(queries, references, subspace, r, k, same);
    auto needed = search.needed(sample, limit);
    std::sort(needed.begin(), needed.end());
    const double mean =
        std::accumulate(needed.begin(), needed.end(), 0.0) / static_cast<double>(needed.size());
    const int kept = std::min(limit, needed[needed.size() * 97 / 100] + 2);
    const double unproven =
        static_cast<double>(std::count_if(needed.begin(), needed.end(), [&](int c) { return c >= kept; })) /
        static_cast<double>(needed.size());
    const auto dims = static_cast<double>(r == d ? d : r + 1);
    const double cost = pairs * dims * product_seconds * (1 + 2 * unproven) +
                        static_cast<double>(queries.rows) *
                            (mean * static_cast<double>(d) * distance_seconds + kept * kept_seconds);
    if (cost < best_cost) {
      best_cost = cost;
      best_kept = kept;
      best.emplace(std::move(search));
    }
  }
  return best->run(best_kept);
}

}  // namespace dvi
