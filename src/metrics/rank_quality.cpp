#include "metrics/rank_quality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/multiversion.h"
#include "core/parallel.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t query_grain = 16, tile = 512;

/// How many of `values` [n] are below low, and how many from low to high.
struct Counts {
  int32_t below, between;
};

DVI_MULTIVERSION
Counts count(const float* values, int64_t n, float low, float high) {
  int32_t below = 0, up_to = 0;
  for (int64_t i = 0; i < n; ++i) {
    below += values[i] < low;
    up_to += values[i] <= high;
  }
  return {below, up_to - below};
}

DVI_MULTIVERSION
void plane_distances(const float* xs, const float* ys, int64_t n, float x, float y, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float dx = xs[i] - x, dy = ys[i] - y;
    out[i] = dx * dx + dy * dy;
  }
}

/// In double precision, since ranks among nearly equal distances are to be exact.
DVI_MULTIVERSION
double squared_distance(const float* a, const float* b, int64_t n) {
  constexpr int64_t lanes = 8;
  double sums[lanes] = {};
  int64_t d = 0;
  for (; d + lanes <= n; d += lanes)
    for (int64_t l = 0; l < lanes; ++l) {
      const double difference = double{a[d + l]} - double{b[d + l]};
      sums[l] += difference * difference;
    }
  for (; d < n; ++d) sums[0] += (double{a[d]} - double{b[d]}) * (double{a[d]} - double{b[d]});
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

DVI_MULTIVERSION
void squared_from_products(float* products, const float* norms, int64_t n, float norm) {
  for (int64_t i = 0; i < n; ++i) products[i] = norm + norms[i] - 2 * products[i];
}

double squared_distance(MatrixView m, int32_t a, int32_t b) {
  return squared_distance(m.row(a), m.row(b), m.cols);
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

/// One plane neighbour whose rank in feature space is to be counted.
struct Wanted {
  int32_t query, neighbor;
  double squared = 0;  ///< their distance in feature space
};

double norm_of(MatrixView features, int32_t id) {
  const float* row = features.row(id);
  double sums[8] = {};
  int64_t d = 0;
  for (; d + 8 <= features.cols; d += 8)
    for (int64_t lane = 0; lane < 8; ++lane) sums[lane] += double{row[d + lane]} * double{row[d + lane]};
  for (; d < features.cols; ++d) sums[0] += double{row[d]} * double{row[d]};
  return std::accumulate(sums, sums + 8, 0.0);
}

/// Counts, tile of references by tile, how many are nearer to a query than a wanted neighbour.
class FeatureRanks {
 public:
  /// `references` ascend.
  FeatureRanks(MatrixView features, std::span<const int32_t> queries, std::span<const int32_t> references)
      : features_(features),
        ids_(queries),
        references_(references),
        queries_(gather_rows(features, queries)) {
    for (const int32_t q : queries) query_norms_.push_back(norm_of(features, q));
  }

  /// wanted[q] are those of query q; returns for each query the sum of (rank - k) of its wanted.
  std::vector<double> excess(std::vector<std::vector<Wanted>>& wanted, int k) const {
    parallel_for(static_cast<int64_t>(wanted.size()), query_grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t q = begin; q < end; ++q)
        for (Wanted& w : wanted[static_cast<size_t>(q)])
          w.squared = squared_distance(features_, w.query, w.neighbor);
    });
    struct Workspace {
      std::vector<int64_t> nearer;  // sum over this worker's tiles, by query
      Matrix products, gathered;
      std::vector<float> norms;
    };
    std::vector<Workspace> spaces(static_cast<size_t>(threads()));
    const auto count_nearer = [&](int64_t begin, int64_t end, int worker) {
      Workspace& w = spaces[static_cast<size_t>(worker)];
      w.nearer.resize(wanted.size(), 0);
      if (w.products.rows() == 0) w.products = Matrix(queries_.rows(), tile);
      const auto ids = references_.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      const MatrixView rows = rows_of(ids, w.gathered);
      const MutMatrixView products{w.products.data(), queries_.rows(), rows.rows};
      multiply(queries_, transposed(rows), products);
      double largest_norm = 0;
      w.norms.clear();
      for (const int32_t id : ids) {
        w.norms.push_back(static_cast<float>(norm_of(features_, id)));
        largest_norm = std::max(largest_norm, double{w.norms.back()});
      }
      for (size_t q = 0; q < wanted.size(); ++q) {
        if (wanted[q].empty()) continue;
        float* squared = products.row(static_cast<int64_t>(q));
        squared_from_products(squared, w.norms.data(), rows.rows, static_cast<float>(query_norms_[q]));
        if (const auto own = std::lower_bound(ids.begin(), ids.end(), ids_[q]);
            own != ids.end() && *own == ids_[q])
          squared[own - ids.begin()] = INFINITY;
        // float32 errs by much less than this.
        const double slack = 1e-5 * (query_norms_[q] + largest_norm) + 1e-30;
        for (const Wanted& one : wanted[q]) w.nearer[q] += nearer_in(squared, ids, one, slack);
      }
    };
    shared_for(static_cast<int64_t>(references_.size()), tile, count_nearer, {});
    std::vector<int64_t> nearer(wanted.size(), 0);
    for (const Workspace& w : spaces)
      for (size_t q = 0; q < w.nearer.size(); ++q) nearer[q] += w.nearer[q];
    comm().sum(nearer);
    std::vector<double> sums(wanted.size(), 0);
    for (size_t q = 0; q < wanted.size(); ++q)
      sums[q] = static_cast<double>(nearer[q] + static_cast<int64_t>(wanted[q].size()) * (1 - k));
    return sums;
  }

 private:
  /// A tile of consecutive ids needs no copy.
  MatrixView rows_of(std::span<const int32_t> ids, Matrix& gathered) const {
    const auto n = static_cast<int64_t>(ids.size());
    if (ids.back() - ids.front() == n - 1) return features_.slice(ids.front(), n);
    gathered = gather_rows(features_, ids);
    return gathered;
  }
  /// References of a tile that are nearer than `one`; where float32 cannot tell, float64 does.
  int64_t nearer_in(const float* squared, std::span<const int32_t> ids, const Wanted& one,
                    double slack) const {
    const auto low = static_cast<float>(one.squared - slack), high = static_cast<float>(one.squared + slack);
    const Counts found = count(squared, static_cast<int64_t>(ids.size()), low, high);
    int64_t nearer = found.below;
    for (size_t i = 0; found.between > 0 && i < ids.size(); ++i) {
      if (!(squared[i] >= low && squared[i] <= high) || ids[i] == one.neighbor) continue;
      const double exact = squared_distance(features_, one.query, ids[i]);
      nearer += exact < one.squared || (exact == one.squared && ids[i] < one.neighbor);
    }
    return nearer;
  }

  MatrixView features_;
  std::span<const int32_t> ids_, references_;
  Matrix queries_;
  std::vector<double> query_norms_;
};

}  // namespace

RankQuality rank_quality(MatrixView features, MatrixView positions, std::span<const int32_t> queries,
                         std::span<const int32_t> references, const Neighbors& neighbors,
                         const Neighbors& plane_neighbors, int k) {
  const auto n = static_cast<int64_t>(references.size()), q = static_cast<int64_t>(queries.size());
  if (2 * n <= 3 * k + 1 || q == 0)
    fail("trustworthiness: expected more than {} references and at least one sample, found {} and {}",
         (3 * k + 1) / 2, n, q);
  std::vector<int32_t> sorted(references.begin(), references.end());
  std::sort(sorted.begin(), sorted.end());
  const PlaneRanks plane_ranks(positions, sorted);

  std::vector<std::vector<Wanted>> wanted(static_cast<size_t>(q));
  std::vector<int32_t> wrong;
  for (int64_t i = 0; i < q; ++i) {
    missing(plane_neighbors.row(i), neighbors.row(i), k, wrong);
    for (const int32_t j : wrong)
      wanted[static_cast<size_t>(i)].push_back({queries[static_cast<size_t>(i)], j});
  }
  std::vector<double> torn(static_cast<size_t>(q), 0);
  const auto rank_torn = [&](int64_t begin, int64_t end, int) {
    std::vector<int32_t> lost;
    std::vector<float> distances;
    for (int64_t i = begin; i < end; ++i) {
      const int32_t id = queries[static_cast<size_t>(i)];
      missing(neighbors.row(i), plane_neighbors.row(i), k, lost);
      torn[static_cast<size_t>(i)] =
          plane_ranks.excess(positions(id, 0), positions(id, 1), id, lost, k, distances);
    }
  };
  shared_for(q, query_grain, rank_torn, {shared_rows(torn)});
  const auto untrue = FeatureRanks(features, queries, sorted).excess(wanted, k);
  const double scale = 2.0 / (static_cast<double>(q * k) * static_cast<double>(2 * n - 3 * k - 1));
  return {1 - scale * std::accumulate(untrue.begin(), untrue.end(), 0.0),
          1 - scale * std::accumulate(torn.begin(), torn.end(), 0.0)};
}

}  // namespace dvi
