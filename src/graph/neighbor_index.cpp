#include "graph/neighbor_index.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"
#include "core/random.h"
#include "graph/bound_codes.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

// A tile of products, group_size x most_tile_width, stays in the second-level cache, as do the features of
// its references, which candidates are measured by: the tile gets narrower where D is large.
constexpr int64_t group_size = 256, most_tile_width = 512, tile_values = 1 << 18, chunk = 1024;
constexpr int64_t cell_size = 256, most_cells = 4096;

struct Hit {
  float squared;
  int32_t index;
  bool operator<(const Hit& o) const { return squared != o.squared ? squared < o.squared : index < o.index; }
};

/// Puts a hit among the k smallest, which are in order.
void insert(std::vector<Hit>& hits, int k, Hit hit) {
  if (static_cast<int>(hits.size()) == k) {
    if (!(hit < hits.back())) return;
    hits.pop_back();
  }
  hits.insert(std::upper_bound(hits.begin(), hits.end(), hit), hit);
}

struct Candidate {
  int32_t squared;   // code distance, in grid steps
  int32_t position;  // among the references in order of cells
  bool operator<(const Candidate& o) const {
    return squared != o.squared ? squared < o.squared : position < o.position;
  }
};

/// The `kept` smallest candidates offered, gathered in a buffer of twice the size.
class CandidateList {
 public:
  void clear(int kept) {
    kept_ = static_cast<size_t>(kept);
    items_.clear();
    limit_ = std::numeric_limits<int32_t>::max();
  }
  /// Only smaller distances are worth a push.
  int32_t limit() const { return limit_; }
  void push(Candidate c) {
    items_.push_back(c);
    if (items_.size() == 2 * kept_) shrink();
  }
  /// The smallest `kept`, ascending.
  std::span<const Candidate> sorted() {
    if (items_.size() > kept_) shrink();
    std::sort(items_.begin(), items_.end());
    return items_;
  }

 private:
  void shrink() {
    const auto last = items_.begin() + static_cast<int64_t>(kept_) - 1;
    std::nth_element(items_.begin(), last, items_.end());
    limit_ = last->squared;
    items_.resize(kept_);
  }
  size_t kept_ = 0;
  int32_t limit_ = 0;
  std::vector<Candidate> items_;
};

/// Writes the positions j < width with norm[j] - 2 * product[j] < limit to `out` (room for 16 more) and
/// returns how many.
int64_t select_below_portable(const int32_t* product, const int32_t* norm, int64_t width, int32_t limit,
                              int32_t* out) {
  int64_t count = 0;
  for (int64_t j = 0; j < width; ++j) {
    out[count] = static_cast<int32_t>(j);
    count += static_cast<int64_t>(norm[j] - 2 * product[j] < limit);
  }
  return count;
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) int64_t select_below_avx512(const int32_t* product, const int32_t* norm,
                                                               int64_t width, int32_t limit, int32_t* out) {
  const __m512i limits = _mm512_set1_epi32(limit);
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  int64_t count = 0;
  for (int64_t j = 0; j < width; j += 16) {
    const auto valid = static_cast<__mmask16>(width - j >= 16 ? 0xffff : (1u << (width - j)) - 1);
    const __m512i p = _mm512_maskz_loadu_epi32(valid, product + j);
    const __m512i squared =
        _mm512_sub_epi32(_mm512_maskz_loadu_epi32(valid, norm + j), _mm512_add_epi32(p, p));
    const __mmask16 below = _mm512_mask_cmplt_epi32_mask(valid, squared, limits);
    if (below == 0) continue;
    _mm512_storeu_si512(
        out + count,
        _mm512_maskz_compress_epi32(below, _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(j)))));
    count += std::popcount(static_cast<uint32_t>(below));
  }
  return count;
}

__attribute__((target("avx2"))) int64_t select_below_avx2(const int32_t* product, const int32_t* norm,
                                                          int64_t width, int32_t limit, int32_t* out) {
  const __m256i limits = _mm256_set1_epi32(limit);
  int64_t count = 0, j = 0;
  for (; j + 8 <= width; j += 8) {
    const __m256i p = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(product + j));
    const __m256i squared = _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(norm + j)),
                                             _mm256_add_epi32(p, p));
    auto below =
        static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(limits, squared))));
    for (; below != 0; below &= below - 1) out[count++] = static_cast<int32_t>(j) + std::countr_zero(below);
  }
  for (; j < width; ++j)
    if (norm[j] - 2 * product[j] < limit) out[count++] = static_cast<int32_t>(j);
  return count;
}

const auto select_below = __builtin_cpu_supports("avx512f") ? select_below_avx512
                          : __builtin_cpu_supports("avx2")  ? select_below_avx2
                                                            : select_below_portable;
#else
const auto select_below = select_below_portable;
#endif

DVI_MULTIVERSION float smallest(const float* x, int64_t n) {
  float lane[16];
  std::fill(lane, lane + 16, INFINITY);
  int64_t l = 0;
  for (; l + 16 <= n; l += 16)
    for (int k = 0; k < 16; ++k) lane[k] = x[l + k] < lane[k] ? x[l + k] : lane[k];
  for (; l < n; ++l) lane[0] = std::min(lane[0], x[l]);
  return *std::min_element(lane, lane + 16);
}

/// squared[j] = norm + norms[j] - 2 * squared[j], which held the product.
DVI_MULTIVERSION void finish_distances(float* squared, int64_t n, float norm, const float* norms) {
  for (int64_t j = 0; j < n; ++j) squared[j] = norm + norms[j] - 2 * squared[j];
}

DVI_MULTIVERSION void add(const float* x, int64_t n, float* sum) {
  for (int64_t j = 0; j < n; ++j) sum[j] += x[j];
}

/// need[j] is set where a cell may hold a reference within `reach` of a query.
DVI_MULTIVERSION void mark_cells(const float* squared, const float* norms, const float* radius, int64_t n,
                                 float norm, float reach, uint32_t* need) {
  for (int64_t j = 0; j < n; ++j) {
    const float far = radius[j] + reach;
    need[j] |= static_cast<uint32_t>(squared[j] - 2e-6f * (norm + norms[j]) <= far * far);
  }
}

float squared_norm(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t l = 0; l < n; ++l) sum += static_cast<double>(x[l]) * x[l];
  return static_cast<float>(sum);
}

/// k-means centres in the space of codes, numbered so that neighbours in number are near each other.
class Centres {
 public:
  Centres() = default;
  explicit Centres(const Matrix& sample, int64_t count) {
    Random random(1, 0xce11);
    const int64_t n = sample.rows(), d = sample.cols();
    std::vector<int32_t> ids(static_cast<size_t>(n));
    std::iota(ids.begin(), ids.end(), 0);
    for (int64_t i = 0; i < count; ++i)
      std::swap(ids[static_cast<size_t>(i)],
                ids[static_cast<size_t>(i) + random.below(static_cast<uint64_t>(n - i))]);
    set(gather_rows(sample, std::span(ids).first(static_cast<size_t>(count))));
    constexpr int rounds = 5;
    for (int round = 0; count > 1 && round < rounds; ++round) {
      std::vector<int32_t> cell(static_cast<size_t>(n));
      parallel_for(n, group_size, [&](int64_t begin, int64_t end, int) {
        Matrix squared;
        nearest(sample.view().slice(begin, end - begin), squared, &cell[static_cast<size_t>(begin)]);
      });
      std::vector<double> sum(static_cast<size_t>(count * d));
      std::vector<int64_t> size(static_cast<size_t>(count));
      for (int64_t i = 0; i < n; ++i) {
        const int64_t c = cell[static_cast<size_t>(i)];
        ++size[static_cast<size_t>(c)];
        for (int64_t l = 0; l < d; ++l) sum[static_cast<size_t>(c * d + l)] += sample(i, l);
      }
      Matrix moved = points_;
      for (int64_t c = 0; c < count; ++c)
        for (int64_t l = 0; size[static_cast<size_t>(c)] > 0 && l < d; ++l)
          moved(c, l) = static_cast<float>(sum[static_cast<size_t>(c * d + l)] /
                                           static_cast<double>(size[static_cast<size_t>(c)]));
      set(std::move(moved));
    }
    put_in_order();
  }
  int64_t count() const { return points_.rows(); }
  const float* point(int64_t c) const { return points_.row(c); }
  const float* norms() const { return norms_.data(); }

  /// squared [n, count] between x [n, dims] and the centres. Rounding is within 1e-6 of both squared norms.
  void distances(MatrixView x, Matrix& squared) const {
    if (squared.rows() < x.rows) squared = Matrix(x.rows, count());
    multiply(x, transposed(points_), squared.mut().slice(0, x.rows));
    for (int64_t i = 0; i < x.rows; ++i)
      finish_distances(squared.row(i), count(), squared_norm(x.row(i), x.cols), norms_.data());
  }
  void nearest(MatrixView x, Matrix& squared, int32_t* cell) const {
    distances(x, squared);
    for (int64_t i = 0; i < x.rows; ++i) {
      const float* row = squared.row(i);
      cell[i] = static_cast<int32_t>(std::find(row, row + count() - 1, smallest(row, count())) - row);
    }
  }

 private:
  void set(Matrix points) {
    points_ = std::move(points);
    norms_.resize(static_cast<size_t>(points_.rows()));
    for (int64_t c = 0; c < points_.rows(); ++c)
      norms_[static_cast<size_t>(c)] = squared_norm(points_.row(c), points_.cols());
  }
  /// A chain that goes on to the nearest centre not yet visited.
  void put_in_order() {
    std::vector<int32_t> left(static_cast<size_t>(count())), chain;
    std::iota(left.begin(), left.end(), 0);
    size_t at = 0;
    while (!left.empty()) {
      const int32_t from = left[at];
      chain.push_back(from);
      left.erase(left.begin() + static_cast<int64_t>(at));
      float best = INFINITY;
      for (size_t l = 0; l < left.size(); ++l)
        if (const float d = squared_distance(points_.row(from), points_.row(left[l]), points_.cols());
            l == 0 || d < best) {
          best = d;
          at = l;
        }
    }
    set(gather_rows(points_, chain));
  }
  Matrix points_;
  std::vector<float> norms_;
};

/// Samples by cell, those of a cell by index.
struct CellOrder {
  Codes codes;
  std::vector<int32_t> id;     // [n] row of the features
  std::vector<int64_t> begin;  // [cells + 1]
};

CellOrder order_by_cell(MatrixView x, const CodeSpace& space, const Centres& centres) {
  CellOrder out;
  const int64_t n = x.rows;
  std::vector<int32_t> cell(static_cast<size_t>(n));
  Codes unordered;
  unordered.resize(n, space.dims());
  parallel_for(n, group_size, [&](int64_t begin, int64_t end, int) {
    const Matrix points = space.points(x.slice(begin, end - begin));
    Matrix squared;
    centres.nearest(points, squared, &cell[static_cast<size_t>(begin)]);
    for (int64_t i = begin; i < end; ++i) space.encode(points.row(i - begin), i, unordered);
  });
  out.begin.assign(static_cast<size_t>(centres.count()) + 1, 0);
  for (const int32_t c : cell) ++out.begin[static_cast<size_t>(c) + 1];
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.id.resize(static_cast<size_t>(n));
  auto next = out.begin;
  for (int64_t i = 0; i < n; ++i)
    out.id[static_cast<size_t>(next[static_cast<size_t>(cell[static_cast<size_t>(i)])]++)] =
        static_cast<int32_t>(i);
  out.codes.resize(n, space.dims());
  parallel_for(n, chunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto to = static_cast<size_t>(i), from = static_cast<size_t>(out.id[to]);
      std::copy_n(&unordered.code[from * static_cast<size_t>(space.dims())], space.dims(),
                  &out.codes.code[to * static_cast<size_t>(space.dims())]);
      out.codes.norm[to] = unordered.norm[from];
      out.codes.offset[to] = unordered.offset[from];
      out.codes.moved[to] = unordered.moved[from];
    }
  });
  return out;
}

}  // namespace

class NeighborIndex::Impl {
 public:
  Impl(MatrixView references, CodeSpace space)
      : features_(references),
        space_(std::move(space)),
        tile_width_(
            std::clamp<int64_t>(tile_values / std::max<int64_t>(1, references.cols), 64, most_tile_width)) {
    const int64_t n = references.rows;
    if (n == 0)
      fail("expected at least one sample to find neighbours among, found none; record more samples");
    const int64_t cells = std::clamp<int64_t>(n / cell_size, 1, most_cells);
    const int64_t sampled = std::min(n, cells * 64);
    std::vector<int32_t> ids(static_cast<size_t>(sampled));
    for (int64_t i = 0; i < sampled; ++i) ids[static_cast<size_t>(i)] = static_cast<int32_t>(i * n / sampled);
    Matrix sample(sampled, space_.dims());
    parallel_for(sampled, group_size, [&](int64_t begin, int64_t end, int) {
      const Matrix points = space_.points(gather_rows(
          references, std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
      std::copy_n(points.data(), points.rows() * points.cols(), sample.row(begin));
    });
    centres_ = Centres(sample, cells);
    references_ = order_by_cell(references, space_, centres_);

    radius_.assign(static_cast<size_t>(cells), 0.f);
    moved_.assign(static_cast<size_t>(cells), 0.f);
    parallel_for(cells, 16, [&](int64_t begin, int64_t end, int) {
      std::vector<float> point(static_cast<size_t>(space_.dims()));
      for (int64_t c = begin; c < end; ++c) {
        auto &radius = radius_[static_cast<size_t>(c)], &moved = moved_[static_cast<size_t>(c)];
        for (int64_t p = references_.begin[static_cast<size_t>(c)];
             p < references_.begin[static_cast<size_t>(c) + 1]; ++p) {
          decode(references_.codes, p, point.data());
          radius = std::max(radius, squared_distance(point.data(), centres_.point(c), space_.dims()));
          moved = std::max(moved, references_.codes.moved[static_cast<size_t>(p)]);
        }
        radius = std::sqrt(radius) * 1.0001f + 0.01f;
      }
    });
  }

  Neighbors exact(MatrixView queries, int k, bool same) const {
    const Search search(*this, queries, k, same);
    Neighbors out = search.empty();
    std::vector<Work> work(static_cast<size_t>(threads()));
    // A few cells give a bound that is hardly larger than the k-th distance.
    const int probes = static_cast<int>(std::max<int64_t>(4, centres_.count() / 24));
    const auto groups = search.groups();
    parallel_for(static_cast<int64_t>(groups.size()), 1, [&](int64_t g, int64_t, int worker) {
      auto& w = work[static_cast<size_t>(worker)];
      const Group group = groups[static_cast<size_t>(g)];
      search.open(group, w);
      search.probe(group, probes, k + 8, w);
      search.prove(group, w);
      search.store(group, w, out);
    });
    return out;
  }

  FoundNeighbors approximate(MatrixView queries, int k, bool same) const {
    constexpr double wanted = 0.99, margin = 0.004;
    constexpr int64_t asked = 1000;
    const int kept = 16 * k;
    const Search search(*this, queries, k, same);
    std::vector<Work> work(static_cast<size_t>(threads()));
    const auto groups = search.groups();

    // As few cells as reach the recall on some groups of queries, with the same for each.
    Random random(1, 0xa99);
    std::vector<Group> trial;
    for (int64_t count = 0; count < std::min(asked, queries.rows);
         count += trial.back().end - trial.back().begin)
      trial.push_back(groups[static_cast<size_t>(random.below(groups.size()))]);
    int probes = 8;
    for (; probes < centres_.count(); probes *= 2) {
      std::vector<double> share(trial.size());
      parallel_for(static_cast<int64_t>(trial.size()), 1, [&](int64_t t, int64_t, int worker) {
        auto& w = work[static_cast<size_t>(worker)];
        const Group group = trial[static_cast<size_t>(t)];
        search.open(group, w);
        search.probe(group, probes, kept, w);
        const auto found = w.hits;
        search.prove(group, w);
        for (int64_t i = 0; i < group.end - group.begin; ++i)
          share[static_cast<size_t>(t)] +=
              share_of(w.hits[static_cast<size_t>(i)], found[static_cast<size_t>(i)]);
      });
      const auto total = std::accumulate(trial.begin(), trial.end(), int64_t{0},
                                         [](int64_t sum, Group g) { return sum + g.end - g.begin; });
      if (std::accumulate(share.begin(), share.end(), 0.0) >= (wanted + margin) * static_cast<double>(total))
        break;
    }
    while (true) {
      FoundNeighbors result{search.empty(), 0};
      parallel_for(static_cast<int64_t>(groups.size()), 1, [&](int64_t g, int64_t, int worker) {
        auto& w = work[static_cast<size_t>(worker)];
        const Group group = groups[static_cast<size_t>(g)];
        search.open(group, w);
        search.probe(group, probes, kept, w);
        search.store(group, w, result.neighbors);
      });
      // Judged on other queries than were tried.
      const int64_t count = std::min(asked, queries.rows);
      std::vector<int64_t> judged(static_cast<size_t>(count));
      for (auto& row : judged) row = static_cast<int64_t>(random.below(static_cast<uint64_t>(queries.rows)));
      std::vector<double> share(judged.size());
      parallel_for(count, 1, [&](int64_t q, int64_t, int worker) {
        auto& w = work[static_cast<size_t>(worker)];
        const Group group{judged[static_cast<size_t>(q)], judged[static_cast<size_t>(q)] + 1};
        search.open(group, w);
        search.load(group, result.neighbors, w);
        const auto found = w.hits[0];
        search.prove(group, w);
        share[static_cast<size_t>(q)] = share_of(w.hits[0], found);
      });
      result.recall = std::accumulate(share.begin(), share.end(), 0.0) / static_cast<double>(count);
      if (result.recall >= wanted || probes >= centres_.count()) return result;
      probes *= 2;
    }
  }

  int64_t size() const { return features_.rows; }
  const CodeSpace& space() const { return space_; }

 private:
  /// Queries [begin, end) in the order of cells, answered together.
  struct Group {
    int64_t begin, end;
  };
  /// What a thread needs for a group.
  struct Work {
    AlignedVector<int32_t> products;
    AlignedVector<uint8_t> codes;
    std::vector<int32_t> selected;
    Matrix points, squared;
    std::vector<float> norms;
    std::vector<CandidateList> lists;
    std::vector<std::vector<int32_t>> found;
    std::vector<std::vector<Hit>> hits;
  };

  static void decode(const Codes& codes, int64_t i, float* point) {
    const int8_t* code = &codes.code[static_cast<size_t>(i * codes.dims)];
    for (int64_t l = 0; l < codes.dims; ++l) point[l] = static_cast<float>(code[l]);
  }
  /// The share of the true hits that was found; equally far ones are as good.
  static double share_of(const std::vector<Hit>& truth, const std::vector<Hit>& found) {
    int count = 0;
    for (size_t t = 0; t < found.size(); ++t)
      count += static_cast<int>(found[t].squared <= truth.back().squared);
    return static_cast<double>(count) / static_cast<double>(truth.size());
  }

  class Search {
   public:
    Search(const Impl& index, MatrixView queries, int k, bool same)
        : index_(index), features_(queries), k_(k), same_(same) {
      const int64_t available = index.features_.rows - (same ? 1 : 0);
      if (available < k)
        fail("expected more than {} samples to find {} nearest neighbours, found {}; record more samples", k,
             k, index.features_.rows);
      if (!same) own_ = order_by_cell(queries, index.space_, index.centres_);
    }

    Neighbors empty() const {
      const auto count = static_cast<size_t>(features_.rows * k_);
      return {k_, std::vector<int32_t>(count), std::vector<float>(count)};
    }
    /// A group ends with a cell, unless it is small, or when it is large.
    std::vector<Group> groups() const {
      std::vector<Group> groups;
      int64_t begin = 0;
      for (size_t c = 1; c < queries().begin.size(); ++c) {
        const int64_t end = queries().begin[c];
        while (end - begin >= 2 * group_size) {
          groups.push_back({begin, begin + group_size});
          begin += group_size;
        }
        const bool last = c + 1 == queries().begin.size();
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

    void open(Group group, Work& w) const {
      const int64_t rows = group.end - group.begin, d = index_.space_.dims();
      w.products.resize(static_cast<size_t>(group_size * most_tile_width));
      w.selected.resize(static_cast<size_t>(most_tile_width + 16));
      w.lists.resize(static_cast<size_t>(group_size));
      w.found.resize(static_cast<size_t>(group_size));
      w.hits.resize(static_cast<size_t>(group_size));
      w.norms.resize(static_cast<size_t>(group_size));
      if (w.points.rows() == 0) w.points = Matrix(group_size, d);
      w.codes.resize(static_cast<size_t>(rows * d));
      const auto& codes = queries().codes;
      for (int64_t l = 0; l < rows * d; ++l)
        w.codes[static_cast<size_t>(l)] =
            static_cast<uint8_t>(codes.code[static_cast<size_t>(group.begin * d + l)] + 128);
      for (int64_t i = 0; i < rows; ++i) {
        decode(codes, group.begin + i, w.points.row(i));
        w.norms[static_cast<size_t>(i)] = squared_norm(w.points.row(i), d);
      }
      if (w.squared.rows() == 0) w.squared = Matrix(group_size, index_.centres_.count());
      index_.centres_.distances(w.points.view().slice(0, rows), w.squared);
    }

    /// Hits: the k nearest found in the `probes` nearest cells, measuring at most `kept`.
    void probe(Group group, int probes, int kept, Work& w) const {
      const int64_t rows = group.end - group.begin, cells = index_.centres_.count();
      std::vector<float> far(static_cast<size_t>(cells), 0.f);
      for (int64_t i = 0; i < rows; ++i) add(w.squared.row(i), cells, far.data());
      std::vector<int32_t> nearest(static_cast<size_t>(cells));
      std::iota(nearest.begin(), nearest.end(), 0);
      std::sort(nearest.begin(), nearest.end(), [&](int32_t a, int32_t b) {
        return std::pair(far[static_cast<size_t>(a)], a) < std::pair(far[static_cast<size_t>(b)], b);
      });
      for (int64_t i = 0; i < rows; ++i) w.lists[static_cast<size_t>(i)].clear(kept);
      int64_t seen = 0;
      for (int64_t p = 0; p < cells && (p < probes || seen <= 2 * kept); ++p) {
        const auto c = static_cast<size_t>(nearest[static_cast<size_t>(p)]);
        const int64_t end = index_.references_.begin[c + 1];
        for (int64_t begin = index_.references_.begin[c]; begin < end; begin += index_.tile_width_) {
          const int64_t width = std::min(index_.tile_width_, end - begin);
          seen += width;
          compare(
              group, begin, width, w, [&](int64_t i) { return w.lists[static_cast<size_t>(i)].limit(); },
              [&](int64_t i, int32_t position, int32_t squared) {
                auto& list = w.lists[static_cast<size_t>(i)];
                if (squared < list.limit()) list.push({squared, position});
              });
        }
      }
      const float step = index_.space_.step();
      const auto rounded = static_cast<float>(index_.space_.dims()) / 6;
      for (int64_t i = 0; i < rows; ++i) {
        auto& hits = w.hits[static_cast<size_t>(i)];
        hits.clear();
        for (const auto& c : w.lists[static_cast<size_t>(i)].sorted()) {
          // Rounding both points adds dims / 6 to the square on average, and a deviation of sqrt(1 / 6) steps
          // to the distance, of which three are allowed.
          if (const float reach = std::sqrt(hits.empty() ? 0 : hits.back().squared) / step;
              static_cast<int>(hits.size()) == k_ &&
              static_cast<float>(c.squared) > reach * reach + 2.5f * reach + rounded)
            break;
          insert(hits, k_, measure(group.begin + i, c.position));
        }
      }
    }

    /// Puts what is nearer than hits, k for each query, in their place: they become the true ones.
    void prove(Group group, Work& w) const {
      const int64_t rows = group.end - group.begin, cells = index_.centres_.count();
      const auto& references = index_.references_;
      std::vector<float> reach(static_cast<size_t>(rows));
      const auto set_reach = [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        reach[at] = std::sqrt(w.hits[at].back().squared) / index_.space_.step() +
                    queries().codes.moved[static_cast<size_t>(group.begin + i)];
      };
      std::vector<uint32_t> need(static_cast<size_t>(cells), 0);
      std::vector<float> spread(static_cast<size_t>(cells));
      for (size_t c = 0; c < spread.size(); ++c) spread[c] = index_.radius_[c] + index_.moved_[c];
      for (int64_t i = 0; i < rows; ++i) {
        set_reach(i);
        mark_cells(w.squared.row(i), index_.centres_.norms(), spread.data(), cells,
                   w.norms[static_cast<size_t>(i)], reach[static_cast<size_t>(i)], need.data());
      }
      for (int64_t c = 0; c < cells;) {
        if (need[static_cast<size_t>(c)] == 0) {
          ++c;
          continue;
        }
        // Cells that are neighbours in number are compared at once.
        const int64_t begin = references.begin[static_cast<size_t>(c)];
        float moved = 0;
        int64_t end = begin;
        for (; c < cells && need[static_cast<size_t>(c)] != 0; ++c) {
          const int64_t next = references.begin[static_cast<size_t>(c) + 1];
          if (end > begin && next - begin > index_.tile_width_) break;
          end = next;
          moved = std::max(moved, index_.moved_[static_cast<size_t>(c)]);
        }
        for (int64_t tile = begin; tile < end; tile += index_.tile_width_) {
          for (int64_t i = 0; i < rows; ++i) w.found[static_cast<size_t>(i)].clear();
          compare(
              group, tile, std::min(index_.tile_width_, end - tile), w,
              [&](int64_t i) {
                const double steps = static_cast<double>(reach[static_cast<size_t>(i)]) + moved;
                return static_cast<int32_t>(std::min(steps * steps * 1.0001 + 2, 2e9));
              },
              [&](int64_t i, int32_t position, int32_t) {
                w.found[static_cast<size_t>(i)].push_back(position);
              });
          for (int64_t i = 0; i < rows; ++i)
            if (improve(group.begin + i, w.found[static_cast<size_t>(i)], w.hits[static_cast<size_t>(i)]))
              set_reach(i);
        }
      }
    }

    void store(Group group, const Work& w, Neighbors& out) const {
      for (int64_t i = group.begin; i < group.end; ++i) {
        const auto& hits = w.hits[static_cast<size_t>(i - group.begin)];
        const auto row = static_cast<size_t>(queries().id[static_cast<size_t>(i)]) * static_cast<size_t>(k_);
        for (size_t r = 0; r < hits.size(); ++r) {
          out.index[row + r] = hits[r].index;
          out.distance[row + r] = std::sqrt(hits[r].squared);
        }
      }
    }
    /// Hits as stored, measured again: a square root rounds.
    void load(Group group, const Neighbors& stored, Work& w) const {
      for (int64_t i = group.begin; i < group.end; ++i) {
        auto& hits = w.hits[static_cast<size_t>(i - group.begin)];
        hits.clear();
        const int32_t id = queries().id[static_cast<size_t>(i)];
        for (const int32_t j : stored.row(id))
          hits.push_back({squared_distance(features_.row(id), index_.features_.row(j), features_.cols), j});
      }
    }

   private:
    const CellOrder& queries() const { return same_ ? index_.references_ : own_; }
    Hit measure(int64_t query, int32_t position) const {
      const int32_t id = index_.references_.id[static_cast<size_t>(position)];
      return {squared_distance(features_.row(queries().id[static_cast<size_t>(query)]),
                               index_.features_.row(id), features_.cols),
              id};
    }
    /// Measures candidates and keeps the k nearest of them and the hits. Returns whether hits changed.
    bool improve(int64_t query, std::span<const int32_t> candidates, std::vector<Hit>& hits) const {
      bool changed = false;
      for (const int32_t position : candidates) {
        // Where most samples are the same one, only the index is left to compare.
        if (hits.back().squared == 0 &&
            index_.references_.id[static_cast<size_t>(position)] > hits.back().index)
          continue;
        const Hit hit = measure(query, position);
        if (!(hit < hits.back()) ||
            std::any_of(hits.begin(), hits.end(), [&](const Hit& h) { return h.index == hit.index; }))
          continue;
        insert(hits, k_, hit);
        changed = true;
      }
      return changed;
    }
    /// Calls visit(i, position, squared code distance) for the references from `begin` on, at most a tile,
    /// whose distance is below limit(i), which is asked once for each query.
    template <typename Limit, typename Visit>
    void compare(Group group, int64_t begin, int64_t width, Work& w, const Limit& limit,
                 const Visit& visit) const {
      const int64_t rows = group.end - group.begin, d = index_.space_.dims();
      const Codes& references = index_.references_.codes;
      multiply_u8s8(rows, width, d, w.codes.data(), &references.code[static_cast<size_t>(begin * d)],
                    w.products.data());
      const int32_t* norm = &references.norm[static_cast<size_t>(begin)];
      for (int64_t i = 0; i < rows; ++i) {
        const int32_t* product = &w.products[static_cast<size_t>(i * width)];
        const int32_t offset = queries().codes.offset[static_cast<size_t>(group.begin + i)];
        const auto below = static_cast<int32_t>(
            std::min<int64_t>(static_cast<int64_t>(limit(i)) - offset, std::numeric_limits<int32_t>::max()));
        const int64_t count = select_below(product, norm, width, below, w.selected.data());
        for (int64_t s = 0; s < count; ++s) {
          const int32_t j = w.selected[static_cast<size_t>(s)];
          if (same_ && begin + j == group.begin + i) continue;
          visit(i, static_cast<int32_t>(begin + j), norm[j] - 2 * product[j] + offset);
        }
      }
    }

    const Impl& index_;
    MatrixView features_;
    int k_;
    bool same_;
    CellOrder own_;
  };

  MatrixView features_;
  CodeSpace space_;
  int64_t tile_width_;
  Centres centres_;
  CellOrder references_;
  std::vector<float> radius_, moved_;  // of cells, in grid steps
};

NeighborIndex::NeighborIndex(MatrixView references) : NeighborIndex(references, references.rows) {}
NeighborIndex::NeighborIndex(MatrixView references, int64_t queries)
    : impl_(std::make_unique<Impl>(references, CodeSpace(references, queries))) {}
NeighborIndex::NeighborIndex(MatrixView references, const NeighborIndex& alike)
    : impl_(std::make_unique<Impl>(references, alike.impl_->space())) {}
NeighborIndex::NeighborIndex(NeighborIndex&&) noexcept = default;
NeighborIndex& NeighborIndex::operator=(NeighborIndex&&) noexcept = default;
NeighborIndex::~NeighborIndex() = default;

Neighbors NeighborIndex::exact(MatrixView queries, int k, bool same) const {
  return impl_->exact(queries, k, same);
}

FoundNeighbors NeighborIndex::approximate(MatrixView queries, int k, bool same) const {
  return impl_->approximate(queries, k, same);
}

FoundNeighbors NeighborIndex::find(MatrixView queries, int k, bool same) const {
  constexpr double exact_pairs = 4e10;
  if (static_cast<double>(queries.rows) * static_cast<double>(impl_->size()) > exact_pairs)
    return impl_->approximate(queries, k, same);
  return {impl_->exact(queries, k, same), 1};
}

}  // namespace dvi
