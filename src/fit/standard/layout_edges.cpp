#include "fit/standard/layout_edges.h"

#include <algorithm>
#include <array>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "graph/fuzzy_set.h"
#include "vis/point_order.h"

namespace dvi {
namespace {

/// The classes a point belongs to: a sample's prediction (twice), or the two a boundary sample lies between.
using ClassPair = std::array<int32_t, 2>;

class LayoutEdgeBuilder {
 public:
  LayoutEdgeBuilder(const SampleSets& sets, const EpochData& data, const LayoutNeighbors& near,
                    const StandardOptions& options)
      : sets_(sets),
        data_(data),
        near_(near),
        options_(options),
        points_(LayoutPoints::of(sets, data)),
        share_(EdgeShare::of(points_.all(), points_.boundary)),
        classes_(classes_of_points()) {}
  EdgeList edges() const;

 private:
  std::vector<ClassPair> classes_of_points() const;
  bool between_classes(int64_t i, int64_t j) const;
  struct TowardsBoundary;
  TowardsBoundary towards_boundary() const;
  void weaken_between_classes(EdgeList&) const;
  void balance_sides(EdgeList&) const;
  double boundary_weight() const;

  const SampleSets& sets_;
  const EpochData& data_;
  const LayoutNeighbors& near_;
  const StandardOptions& options_;
  LayoutPoints points_;
  EdgeShare share_;                 // what this rank owns of them
  std::vector<ClassPair> classes_;  // of points
};

std::vector<ClassPair> LayoutEdgeBuilder::classes_of_points() const {
  std::vector<ClassPair> all;
  for (const int32_t id : sets_.train) {
    const int32_t c = data_.verdicts[static_cast<size_t>(id)].prediction;
    all.push_back({c, c});
  }
  all.insert(all.end(), data_.boundary.classes.begin(), data_.boundary.classes.begin() + points_.boundary);
  return all;
}

/// Neither is of a class that the other is not of. An edge between a sample and a boundary sample belongs to
/// the boundary-wise complex, whatever the classes, and is never one between classes.
bool LayoutEdgeBuilder::between_classes(int64_t i, int64_t j) const {
  const ClassPair& a = classes_[static_cast<size_t>(i)];
  const ClassPair& b = classes_[static_cast<size_t>(j)];
  const bool a_on_boundary = a[0] != a[1], b_on_boundary = b[0] != b[1];
  if (a_on_boundary != b_on_boundary) return false;
  return a != b && (a[0] != b[1] || a[1] != b[0]);
}

/// Edges between samples predicted as different classes attract less.
void LayoutEdgeBuilder::weaken_between_classes(EdgeList& edges) const {
  const auto factor = static_cast<float>(options_.cross_class_weight / near_.strength);
  parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1]; ++e)
        if (between_classes(share_.point_of(i), edges.target[static_cast<size_t>(e)]))
          edges.weight[static_cast<size_t>(e)] *= factor;
  });
}

/// The boundary-wise complex: train and boundary samples query boundary samples. Among boundary samples it is
/// a plain complex.
struct LayoutEdgeBuilder::TowardsBoundary {
  std::vector<float> of_train, of_boundary;  // strengths, in the order of the lists
  EdgeList from_train, from_boundary;        // memberships by this rank's boundary samples
  /// Boundary samples are points of the feature space too and stay by the train samples nearest to them.
  std::vector<float> to_train;  // strengths
  EdgeList by_train;            // the same by this rank's train samples
};

LayoutEdgeBuilder::TowardsBoundary LayoutEdgeBuilder::towards_boundary() const {
  TowardsBoundary out;
  const Neighbors &train = data_.train_to_boundary, &boundary = data_.boundary_to_boundary,
                  &to_train = near_.boundary_to_train;
  const int64_t n = points_.train, m = points_.boundary;
  const double mean = (sum_of_distances(train, n) + sum_of_distances(boundary, m)) /
                      static_cast<double>(n * train.k + m * boundary.k),
               mean_to_train = sum_of_distances(to_train, m) / static_cast<double>(m * to_train.k);
  {
    const Alone alone;  // each rank its own rows
    out.of_train = membership_strengths(train, mean);
    out.of_boundary = membership_strengths(boundary, mean);
    out.to_train = membership_strengths(to_train, mean_to_train);
  }
  out.from_train = incoming_memberships(train, out.of_train, n, m, false);
  out.from_boundary = incoming_memberships(boundary, out.of_boundary, m, m, false);
  out.by_train = incoming_memberships(to_train, out.to_train, m, n, false);
  return out;
}

EdgeList LayoutEdgeBuilder::edges() const {
  const Neighbors& near = near_.train_to_train;
  const int64_t n = points_.train;
  const double mean = sum_of_distances(near, n) / static_cast<double>(n * near.k);
  const auto strengths = [&] {
    const Alone alone;  // each rank its own rows
    return membership_strengths(near, mean);
  }();
  const EdgeList incoming = incoming_memberships(near, strengths, n, n, true);
  const TowardsBoundary boundary = points_.boundary > 0 ? towards_boundary() : TowardsBoundary{};

  // The members of a row of a list, ascending; neighbour index j is vertex j + offset.
  const auto members = [](const Neighbors& lists, const std::vector<float>& strength, int64_t row,
                          int64_t offset) {
    std::vector<std::pair<int32_t, float>> out;
    for (auto at = static_cast<size_t>(row * lists.k); at < static_cast<size_t>((row + 1) * lists.k); ++at)
      if (strength[at] > 0) out.emplace_back(static_cast<int32_t>(offset + lists.index[at]), strength[at]);
    std::ranges::sort(out);
    return out;
  };
  const auto edges_of_sample = [&](int64_t row, const auto& add) {
    unite_memberships(members(near, strengths, row, 0), incoming, row, add);
    if (points_.boundary == 0) return;
    for (const auto& [j, strength] : members(data_.train_to_boundary, boundary.of_train, row, n))
      add(j, strength * boundary_weight());
    for (auto e = static_cast<size_t>(boundary.by_train.begin[static_cast<size_t>(row)]);
         e < static_cast<size_t>(boundary.by_train.begin[static_cast<size_t>(row) + 1]); ++e)
      add(n + boundary.by_train.target[e], options_.boundary_to_sample_weight * boundary.by_train.weight[e]);
  };
  const auto edges_of_boundary = [&](int64_t row, const auto& add) {
    const EdgeList& from = boundary.from_train;
    for (auto e = static_cast<size_t>(from.begin[static_cast<size_t>(row)]);
         e < static_cast<size_t>(from.begin[static_cast<size_t>(row) + 1]); ++e)
      add(from.target[e], from.weight[e] * boundary_weight());
    unite_memberships(members(data_.boundary_to_boundary, boundary.of_boundary, row, 0),
                      boundary.from_boundary, row, [&](int64_t j, float weight) { add(n + j, weight); });
    const Neighbors& to_train = near_.boundary_to_train;
    for (int r = 0; r < to_train.k; ++r) {
      const auto at = static_cast<size_t>(row * to_train.k + r);
      add(to_train.index[at], options_.boundary_to_sample_weight * boundary.to_train[at]);
    }
  };
  const int64_t samples = share_.samples.size();
  EdgeList list = edges_by_row(share_.size(), [&](int64_t row, const auto& add) {
    if (row < samples)
      edges_of_sample(row, add);
    else
      edges_of_boundary(row - samples, add);
  });
  weaken_between_classes(list);
  balance_sides(list);
  return list;
}

double LayoutEdgeBuilder::boundary_weight() const {
  return options_.boundary_weight *
         std::min(1.0, static_cast<double>(points_.boundary) / options_.boundary_enough);
}

/// Makes the samples of either side pull a boundary sample with the same total weight, so that it comes to
/// lie between its two classes rather than inside the one that has more samples near it.
void LayoutEdgeBuilder::balance_sides(EdgeList& edges) const {
  const int64_t n = points_.train;
  const auto side_of = [&](int64_t boundary, int64_t sample) {
    const ClassPair& a = classes_[static_cast<size_t>(boundary)];
    const int32_t c = classes_[static_cast<size_t>(sample)][0];
    return c == a[0] ? 0 : c == a[1] ? 1 : -1;
  };
  // visit(edge, boundary sample, side) for the edges of some rows between a sample and a boundary sample.
  const auto for_each = [&](int64_t first_row, int64_t last_row, const auto& visit) {
    for (int64_t row = first_row; row < last_row; ++row)
      for (auto e = static_cast<size_t>(edges.begin[static_cast<size_t>(row)]);
           e < static_cast<size_t>(edges.begin[static_cast<size_t>(row) + 1]); ++e) {
        const int64_t i = share_.point_of(row), j = edges.target[e];
        if ((i < n) == (j < n)) continue;
        const int64_t boundary = std::max(i, j);
        if (const int side = side_of(boundary, std::min(i, j)); side >= 0) visit(e, boundary - n, side);
      }
  };
  // The row of a boundary sample has all its edges.
  std::vector<std::array<double, 2>> total(static_cast<size_t>(points_.boundary), {0, 0});
  for_each(share_.samples.size(), edges.rows(), [&](size_t e, int64_t boundary, int side) {
    total[static_cast<size_t>(boundary)][static_cast<size_t>(side)] += edges.weight[e];
  });
  gather_shared(points_.boundary, owned_grain, shared_rows(total));
  parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
    for_each(begin, end, [&](size_t e, int64_t boundary, int side) {
      const auto& sides = total[static_cast<size_t>(boundary)];
      if (sides[0] > 0 && sides[1] > 0)
        edges.weight[e] *= static_cast<float>(0.5 * (sides[0] + sides[1]) / sides[static_cast<size_t>(side)]);
    });
  });
}

}  // namespace

EdgeList layout_edges(const SampleSets& sets, const EpochData& data, const LayoutNeighbors& near,
                      const StandardOptions& options) {
  return LayoutEdgeBuilder(sets, data, near, options).edges();
}

}  // namespace dvi
