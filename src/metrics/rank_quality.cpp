#include "metrics/rank_quality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"
#include "linalg/gemm.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define DVI_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DVI_VECTOR_CLONES
#endif

namespace dvi {
namespace {

constexpr int64_t query_block = 64, tile = 1024;

/// How many of `values` [n] are below low, and how many from low to high.
struct Counts {
  int32_t below, between;
};

DVI_VECTOR_CLONES
Counts count(const float* values, int64_t n, float low, float high) {
  int32_t below = 0, up_to = 0;
  for (int64_t i = 0; i < n; ++i) {
    below += values[i] < low;
    up_to += values[i] <= high;
  }
  return {below, up_to - below};
}

DVI_VECTOR_CLONES
void plane_distances(const float* xs, const float* ys, int64_t n, float x, float y, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float dx = xs[i] - x, dy = ys[i] - y;
    out[i] = dx * dx + dy * dy;
  }
}

DVI_VECTOR_CLONES
void squared_from_products(float* products, const float* norms, int64_t n, float norm) {
  for (int64_t i = 0; i < n; ++i) products[i] = norm + norms[i] - 2 * products[i];
}

double squared_distance(MatrixView m, int32_t a, int32_t b) {
  double sum = 0;
  for (int64_t d = 0; d < m.cols; ++d) {
    const double difference = double{m(a, d)} - double{m(b, d)};
    sum += difference * difference;
  }
  return sum;
}

/// The first k of `list` that are not among the first k of `other`.
void missing(std::span<const int32_t> list, std::span<const int32_t> other, int k,
             std::vector<int32_t>& out) {
  out.clear();
  for (int i = 0; i < k; ++i)
    if (std::find(other.begin(), other.begin() + k, list[static_cast<size_t>(i)]) == other.begin() + k)
      out.push_back(list[static_cast<size_t>(i)]);
}

/// Sum over `wrong` of (rank in the plane - k).
class PlaneRanks {
 public:
  PlaneRanks(MatrixView positions, std::span<const int32_t> references) : references_(references) {
    for (const int32_t r : references) {
      xs_.push_back(positions(r, 0));
      ys_.push_back(positions(r, 1));
    }
    place_.assign(static_cast<size_t>(positions.rows), -1);
    for (size_t i = 0; i < references.size(); ++i)
      place_[static_cast<size_t>(references[i])] = static_cast<int32_t>(i);
  }

  double excess(float x, float y, int32_t self, std::span<const int32_t> wrong, int k,
                std::vector<float>& distances) const {
    const auto n = static_cast<int64_t>(xs_.size());
    distances.resize(xs_.size());
    plane_distances(xs_.data(), ys_.data(), n, x, y, distances.data());
    if (const int32_t own = place_[static_cast<size_t>(self)]; own >= 0)
      distances[static_cast<size_t>(own)] = INFINITY;
    double sum = 0;
    for (const int32_t j : wrong) {
      const float at = distances[static_cast<size_t>(place_[static_cast<size_t>(j)])];
      const Counts counts = count(distances.data(), n, at, at);
      int64_t rank = counts.below + 1;
      if (counts.between > 1)
        for (size_t i = 0; i < distances.size(); ++i) rank += distances[i] == at && references_[i] < j;
      sum += static_cast<double>(rank - k);
    }
    return sum;
  }

 private:
  std::span<const int32_t> references_;
  std::vector<float> xs_, ys_;
  std::vector<int32_t> place_;  // of an id among the references
};

/// One plane neighbour whose rank in feature space is being counted.
struct Count {
  int64_t row;  // in the block of queries
  int32_t query, neighbor;
  double squared;
  int64_t nearer = 0;
};

class FeatureRanks {
 public:
  FeatureRanks(MatrixView features, std::span<const int32_t> references)
      : features_(features), references_(references), norms_(references.size()) {
    parallel_for(static_cast<int64_t>(references.size()), tile, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        norms_[static_cast<size_t>(i)] = norm_of(references[static_cast<size_t>(i)]);
    });
    largest_norm_ = *std::max_element(norms_.begin(), norms_.end());
  }

  struct Workspace {
    Matrix queries, products = Matrix(query_block, tile), gathered;
  };

  /// Adds to nearer of every count the references that are nearer to its query than its neighbour is.
  /// `queries` has at most query_block ids.
  void add_nearer(std::span<const int32_t> queries, std::span<Count> counts, Workspace& w) const {
    w.queries = gather_rows(features_, queries);
    std::vector<float> query_norms;
    for (const int32_t q : queries) query_norms.push_back(norm_of(q));
    for (int64_t begin = 0; begin < static_cast<int64_t>(references_.size()); begin += tile) {
      const auto ids = references_.subspan(
          static_cast<size_t>(begin),
          static_cast<size_t>(std::min<int64_t>(tile, static_cast<int64_t>(references_.size()) - begin)));
      const auto n = static_cast<int64_t>(ids.size());
      const MatrixView rows = rows_of(ids, w);
      gemm(false, true, w.queries.rows(), n, features_.cols, w.queries.data(), features_.cols, rows.data,
           features_.cols, w.products.data(), tile);
      for (int64_t q = 0; q < w.queries.rows(); ++q)
        squared_from_products(w.products.row(q), &norms_[static_cast<size_t>(begin)], n,
                              query_norms[static_cast<size_t>(q)]);
      for (Count& c : counts) {
        // |error| of float32 is well below this share of the norms.
        const double slack = 4e-6 * (double{query_norms[static_cast<size_t>(c.row)]} + largest_norm_) + 1e-30;
        const auto low = static_cast<float>(c.squared - slack), high = static_cast<float>(c.squared + slack);
        const float* squared = w.products.row(c.row);
        const Counts found = count(squared, n, low, high);
        c.nearer += found.below;
        if (c.query >= ids.front() && c.query <= ids.back())
          c.nearer -= counted_self(squared, ids, c.query, low);
        if (found.between > 0) c.nearer += nearer_between(squared, ids, low, high, c);
      }
    }
  }

  double squared(int32_t a, int32_t b) const { return squared_distance(features_, a, b); }

 private:
  float norm_of(int32_t id) const {
    const float* row = features_.row(id);
    double sum = 0;
    for (int64_t d = 0; d < features_.cols; ++d) sum += double{row[d]} * double{row[d]};
    return static_cast<float>(sum);
  }
  /// References ascend, so a tile of consecutive ids needs no copy.
  MatrixView rows_of(std::span<const int32_t> ids, Workspace& w) const {
    const auto n = static_cast<int64_t>(ids.size());
    if (ids.back() - ids.front() == n - 1) return features_.slice(ids.front(), n);
    w.gathered = gather_rows(features_, ids);
    return w.gathered;
  }
  static int64_t counted_self(const float* squared, std::span<const int32_t> ids, int32_t query, float low) {
    const auto at = std::lower_bound(ids.begin(), ids.end(), query);
    return at != ids.end() && *at == query && squared[at - ids.begin()] < low;
  }
  /// Decides in float64 what float32 cannot.
  int64_t nearer_between(const float* squared, std::span<const int32_t> ids, float low, float high,
                         const Count& c) const {
    int64_t nearer = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!(squared[i] >= low && squared[i] <= high) || ids[i] == c.query || ids[i] == c.neighbor) continue;
      const double exact = squared_distance(features_, c.query, ids[i]);
      nearer += exact < c.squared || (exact == c.squared && ids[i] < c.neighbor);
    }
    return nearer;
  }

  MatrixView features_;
  std::span<const int32_t> references_;
  std::vector<float> norms_;
  float largest_norm_ = 0;
};

}  // namespace

RankQuality rank_quality(MatrixView features, MatrixView positions, std::span<const int32_t> queries,
                         std::span<const int64_t> rows, std::span<const int32_t> references,
                         const Neighbors& neighbors, const Neighbors& plane_neighbors, int k) {
  const auto n = static_cast<int64_t>(references.size()), q = static_cast<int64_t>(rows.size());
  if (2 * n <= 3 * k + 1 || q == 0)
    fail("trustworthiness: expected more than {} references and at least one sample, found {} and {}",
         (3 * k + 1) / 2, n, q);
  std::vector<int32_t> sorted(references.begin(), references.end());
  std::sort(sorted.begin(), sorted.end());
  const PlaneRanks plane_ranks(positions, sorted);
  const FeatureRanks feature_ranks(features, sorted);

  const int64_t blocks = (q + query_block - 1) / query_block;
  std::vector<double> untrue(static_cast<size_t>(blocks), 0), torn(static_cast<size_t>(blocks), 0);
  std::vector<FeatureRanks::Workspace> spaces(static_cast<size_t>(threads()));
  parallel_for(q, query_block, [&](int64_t begin, int64_t end, int worker) {
    const auto block = static_cast<size_t>(begin / query_block);
    std::vector<int32_t> ids, wrong;
    std::vector<Count> counts;
    std::vector<float> distances;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = rows[static_cast<size_t>(i)];
      const int32_t id = queries[static_cast<size_t>(row)];
      ids.push_back(id);
      missing(plane_neighbors.row(row), neighbors.row(row), k, wrong);
      for (const int32_t j : wrong) counts.push_back({i - begin, id, j, feature_ranks.squared(id, j)});
      missing(neighbors.row(row), plane_neighbors.row(row), k, wrong);
      torn[block] += plane_ranks.excess(positions(id, 0), positions(id, 1), id, wrong, k, distances);
    }
    feature_ranks.add_nearer(ids, counts, spaces[static_cast<size_t>(worker)]);
    for (const Count& c : counts) untrue[block] += static_cast<double>(c.nearer + 1 - k);
  });
  const double scale = 2.0 / (static_cast<double>(q * k) * static_cast<double>(2 * n - 3 * k - 1));
  return {1 - scale * std::accumulate(untrue.begin(), untrue.end(), 0.0),
          1 - scale * std::accumulate(torn.begin(), torn.end(), 0.0)};
}

}  // namespace dvi
