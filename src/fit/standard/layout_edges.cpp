#include "fit/standard/layout_edges.h"

#include <algorithm>
#include <array>

#include "core/parallel.h"
#include "graph/fuzzy_set.h"

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
        classes_(classes_of_points()) {}
  EdgeList active() const;
  EdgeList passive() const;

 private:
  std::vector<ClassPair> classes_of_points() const;
  bool between_classes(int64_t i, int64_t j) const;
  void weaken_between_classes(EdgeList&, int64_t first_point) const;
  void balance_sides(EdgeList&) const;
  double boundary_weight() const;

  const SampleSets& sets_;
  const EpochData& data_;
  const LayoutNeighbors& near_;
  const StandardOptions& options_;
  LayoutPoints points_;
  std::vector<ClassPair> classes_;  // of active points, then of passive ones
};

std::vector<ClassPair> LayoutEdgeBuilder::classes_of_points() const {
  std::vector<ClassPair> all;
  const auto samples = [&](const std::vector<int32_t>& ids) {
    for (const int32_t id : ids) {
      const int32_t c = data_.verdicts[static_cast<size_t>(id)].prediction;
      all.push_back({c, c});
    }
  };
  const auto boundary = [&](const BoundarySet& set, int64_t count) {
    all.insert(all.end(), set.classes.begin(), set.classes.begin() + count);
  };
  samples(sets_.train);
  boundary(data_.boundary, points_.boundary);
  samples(sets_.other_ids);
  boundary(data_.evaluation_boundary, points_.evaluation);
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

/// Edges between samples predicted as different classes attract less. Row i of `edges` is point first_point +
/// i, targets are active points.
void LayoutEdgeBuilder::weaken_between_classes(EdgeList& edges, int64_t first_point) const {
  const auto factor = static_cast<float>(options_.cross_class_weight / near_.strength);
  parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1]; ++e)
        if (between_classes(first_point + i, edges.target[static_cast<size_t>(e)]))
          edges.weight[static_cast<size_t>(e)] *= factor;
  });
}

EdgeList LayoutEdgeBuilder::active() const {
  const EdgeList samples =
      fuzzy_union(near_.train_to_train, membership_strengths(near_.train_to_train), points_.train);
  // The boundary-wise complex: train and boundary samples query boundary samples. Among boundary samples it
  // is a plain complex.
  EdgeList towards_boundary;
  std::vector<float> strengths;
  if (points_.boundary > 0) {
    Neighbors queries = data_.train_to_boundary;
    queries.append(data_.boundary_to_boundary);
    towards_boundary = fuzzy_union(queries, membership_strengths(queries), points_.active(),
                                   static_cast<int32_t>(points_.train));
    strengths = membership_strengths(near_.boundary_to_train);
  }
  EdgeList list = edges_from(points_.active(), [&](const auto& add) {
    const auto add_all = [&](const EdgeList& edges, const auto& factor) {
      for (int64_t i = 0; i < edges.rows(); ++i)
        for (auto e = static_cast<size_t>(edges.begin[static_cast<size_t>(i)]);
             e < static_cast<size_t>(edges.begin[static_cast<size_t>(i) + 1]); ++e)
          add(i, edges.target[e], edges.weight[e] * factor(i, edges.target[e]));
    };
    add_all(samples, [](int64_t, int64_t) { return 1.0; });
    if (points_.boundary == 0) return;
    add_all(towards_boundary, [&](int64_t i, int64_t j) {
      return i >= points_.train && j >= points_.train ? 1.0 : boundary_weight();
    });
    // Boundary samples are points of the feature space too and stay by the train samples nearest to them.
    for (int64_t b = 0; b < points_.boundary; ++b)
      for (int r = 0; r < near_.boundary_to_train.k; ++r) {
        const auto at = static_cast<size_t>(b * near_.boundary_to_train.k + r);
        const int64_t sample = near_.boundary_to_train.index[at], boundary = points_.train + b;
        const double weight = options_.boundary_to_sample_weight * strengths[at];
        add(boundary, sample, weight);
        add(sample, boundary, weight);
      }
  });
  weaken_between_classes(list, 0);
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
  std::vector<std::array<double, 2>> total(static_cast<size_t>(points_.boundary), {0, 0});
  const auto for_each =
      [&](const auto& visit) {  // edges between a sample and a boundary sample, in both directions
        for (int64_t i = 0; i < edges.rows(); ++i)
          for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1];
               ++e) {
            const int64_t j = edges.target[static_cast<size_t>(e)];
            if ((i < n) == (j < n)) continue;
            const int64_t boundary = std::max(i, j);
            if (const int side = side_of(boundary, std::min(i, j)); side >= 0)
              visit(total[static_cast<size_t>(boundary - n)], side, edges.weight[static_cast<size_t>(e)]);
          }
      };
  for_each([](std::array<double, 2>& sides, int side, float weight) {
    sides[static_cast<size_t>(side)] += weight;
  });
  for_each([](const std::array<double, 2>& sides, int side, float& weight) {
    if (sides[0] > 0 && sides[1] > 0)
      weight *= static_cast<float>(0.5 * (sides[0] + sides[1]) / sides[static_cast<size_t>(side)]);
  });
}

EdgeList LayoutEdgeBuilder::passive() const {
  struct Part {
    const Neighbors* neighbors;
    int64_t first_row, target_offset;
    double weight;
    std::vector<float> strengths;
  };
  std::vector<Part> parts;
  const auto include = [&](const Neighbors& neighbors, int64_t first_row, int64_t target_offset,
                           double weight) {
    parts.push_back({&neighbors, first_row, target_offset, weight, membership_strengths(neighbors)});
  };
  if (points_.other > 0) include(near_.other_to_train, 0, 0, 1);
  if (points_.other > 0 && points_.boundary > 0)
    include(data_.other_to_boundary, 0, points_.train, boundary_weight());
  if (points_.evaluation > 0) {
    include(near_.evaluation_to_train, points_.other, 0, options_.boundary_to_sample_weight);
    include(data_.evaluation_to_boundary, points_.other, points_.train, 1);
  }
  EdgeList list = edges_from(points_.passive(), [&](const auto& add) {
    for (const Part& part : parts)
      for (int64_t i = 0; i < part.neighbors->size(); ++i)
        for (int r = 0; r < part.neighbors->k; ++r) {
          const auto at = static_cast<size_t>(i * part.neighbors->k + r);
          add(part.first_row + i, part.target_offset + part.neighbors->index[at],
              part.strengths[at] * part.weight);
        }
  });
  weaken_between_classes(list, points_.active());
  return list;
}

}  // namespace

LayoutEdges layout_edges(const SampleSets& sets, const EpochData& data, const LayoutNeighbors& near,
                         const StandardOptions& options) {
  const LayoutEdgeBuilder builder(sets, data, near, options);
  return {builder.active(), builder.passive()};
}

}  // namespace dvi
