#include "fit/epoch_layout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "core/progress.h"
#include "core/random.h"
#include "linalg/principal_subspace.h"
#include "vis/layout.h"

namespace dvi {
namespace {

/// The list of the edges that `each` passes to the function it is given: (row, target, weight). It is called
/// twice, to count and to fill, and must pass the same edges both times.
template <typename Each>
EdgeList edge_list(int64_t rows, const Each& each) {
  EdgeList edges;
  edges.begin.assign(static_cast<size_t>(rows) + 1, 0);
  each([&](int64_t row, int64_t, double) { ++edges.begin[static_cast<size_t>(row) + 1]; });
  std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
  edges.target.resize(static_cast<size_t>(edges.begin.back()));
  edges.weight.resize(edges.target.size());
  std::vector<int64_t> next(edges.begin.begin(), edges.begin.end() - 1);
  each([&](int64_t row, int64_t target, double weight) {
    const auto at = static_cast<size_t>(next[static_cast<size_t>(row)]++);
    edges.target[at] = static_cast<int32_t>(target);
    edges.weight[at] = static_cast<float>(weight);
  });
  return edges;
}

void copy(const float* from, float* to) { std::copy(from, from + 2, to); }

/// Points that have no place yet go to the middle of their nearest train samples.
void place_by_neighbors(const Neighbors& to_train, int64_t first_row, Matrix& positions) {
  constexpr int nearest = 3;
  for (int64_t i = 0; i < to_train.size(); ++i)
    for (int c = 0; c < 2; ++c) {
      float sum = 0;
      for (int r = 0; r < nearest; ++r) sum += positions(to_train.row(i)[static_cast<size_t>(r)], c);
      positions(first_row + i, c) = sum / nearest;
    }
}

/// Distance of the last of a sample's neighbours that the complex has.
double farthest(const Neighbors& neighbors, int64_t row) {
  return neighbors.distances(row)[static_cast<size_t>(std::min(fit_k, neighbors.k) - 1)];
}

bool changed_class(int32_t id, const EpochData& data, const EarlierEpoch& before) {
  return before.predictions[static_cast<size_t>(id)] != data.verdicts[static_cast<size_t>(id)].prediction;
}

}  // namespace

EpochLayout::EpochLayout(const SampleSets& sets, const EpochData& data, const EarlierEpoch* before,
                         uint64_t seed, const StandardOptions& options)
    : sets_(sets),
      data_(data),
      options_(options),
      points_{static_cast<int64_t>(sets.train.size()),
              data.train_to_boundary.k > 0 ? data.boundary.size() : 0,
              static_cast<int64_t>(sets.other_ids.size()),
              data.evaluation_to_boundary.k > 0 ? data.evaluation_boundary.size() : 0} {
  Stopwatch watch;
  allegiance_ = allegiances();
  edges_ = active_edges();
  passive_edges_ = passive_edges();
  seconds_["complex"] = watch.lap();

  draft_ = start(before, seed);
  LayoutProblem problem{points_.active(), points_.passive(), &edges_, &passive_edges_, {}, {}};
  const Matrix anchors = draft_;
  std::vector<float> strength;
  std::vector<LayoutPhase> phases;
  if (before != nullptr) {
    springs_ = springs(*before);
    strength = anchor_strength(*before);
    problem.anchors = anchors;
    problem.anchor_strength = strength;
    phases.push_back({options_.following_iterations, options_.exaggeration, 0.8});
  } else {
    phases.push_back({options_.early_iterations, 12, 0.5});
    phases.push_back({options_.iterations, options_.exaggeration, 0.8});
  }
  int iterations = 0;
  for (const auto& phase : phases) iterations += phase.iterations;
  Progress progress(fmt::format("epoch {}: layout", data_.number), iterations);
  run_layout(problem, phases, draft_.mut(), [&](int, int) { progress.advance(); });
  seconds_["layout"] = watch.lap();
}

template <typename Visit>
void EpochLayout::for_samples(const Visit& visit) const {
  for (int64_t i = 0; i < points_.train; ++i)
    visit(i, sets_.train[static_cast<size_t>(i)], data_.train_to_train, i);
  for (int64_t i = 0; i < points_.other; ++i)
    visit(points_.active() + i, sets_.other_ids[static_cast<size_t>(i)], data_.other_to_train, i);
}

Matrix EpochLayout::by_sample(const Matrix& positions) const {
  Matrix out(data_.features.rows(), 2);
  for_samples(
      [&](int64_t point, int32_t id, const Neighbors&, int64_t) { copy(positions.row(point), out.row(id)); });
  return out;
}

EarlierEpoch EpochLayout::earlier() const {
  EarlierEpoch out;
  out.draft = draft();
  for (const auto& verdict : data_.verdicts) out.predictions.push_back(verdict.prediction);
  Neighbors near = sample_neighbors();
  out.neighbors = std::move(near.index);
  out.neighbor_count = near.k;
  return out;
}

Neighbors EpochLayout::sample_neighbors() const {
  return dvi::by_sample(sets_, with_ids(data_.train_to_train, sets_.train), data_.other_neighbors);
}

Matrix EpochLayout::settled(MatrixView before, std::span<const EpochLayout* const> after) const {
  std::vector<const EpochLayout*> epochs = {this};
  epochs.insert(epochs.end(), after.begin(), after.end());
  std::vector<Matrix> positions;
  for (const auto* epoch : epochs) positions.push_back(epoch->draft_);
  const auto relax = [&](size_t e) {
    const EpochLayout* const next = e + 1 < epochs.size() ? epochs[e + 1] : nullptr;
    const Matrix left = e > 0 ? epochs[e - 1]->by_sample(positions[e - 1]) : Matrix();
    const Matrix right = next != nullptr ? next->by_sample(positions[e + 1]) : Matrix();
    epochs[e]->relax(e > 0 ? left.view() : before, right,
                     next != nullptr ? std::span<const float>(next->springs_) : std::span<const float>(),
                     positions[e]);
  };
  for (int round = 0; round < options_.settle_rounds; ++round) {
    for (size_t e = 0; e < epochs.size(); ++e) relax(e);
    for (size_t e = epochs.size() - 1; e-- > 0;) relax(e);
  }
  return std::move(positions.front());
}

/// Moves `positions` [points_.all(), 2] for some iterations, samples held by springs to where they are in the
/// epochs before and after, [N, 2] each or empty.
void EpochLayout::relax(MatrixView before, MatrixView after, std::span<const float> to_after,
                        Matrix& positions) const {
  Matrix anchors(points_.all(), 2);
  std::vector<float> strength(static_cast<size_t>(points_.all()), 0.f);
  for_samples([&](int64_t point, int32_t id, const Neighbors&, int64_t) {
    const float a = before.rows > 0 ? springs_[static_cast<size_t>(id)] : 0;
    const float b = after.rows > 0 ? to_after[static_cast<size_t>(id)] : 0;
    strength[static_cast<size_t>(point)] = a + b;
    for (int c = 0; c < 2 && a + b > 0; ++c)
      anchors(point, c) = ((a > 0 ? a * before(id, c) : 0) + (b > 0 ? b * after(id, c) : 0)) / (a + b);
  });
  const LayoutProblem problem{points_.active(), points_.passive(), &edges_,
                              &passive_edges_,  anchors,           strength};
  const LayoutPhase phases[] = {{options_.settle_iterations, options_.exaggeration, 0.8}};
  run_layout(problem, phases, positions.mut());
}

/// How far a sample's features moved since the epoch before, measured by the distance of its farthest
/// neighbour.
double EpochLayout::way(int32_t id, const Neighbors& neighbors, int64_t row) const {
  return std::sqrt(data_.moved[static_cast<size_t>(id)]) / std::max(farthest(neighbors, row), 1e-6);
}

/// How strongly features that hardly moved hold a sample where it was.
double EpochLayout::hold(double way) const { return options_.anchor / (way * way + 0.001); }

/// Stiffness of the springs between the epoch before and this one.
std::vector<float> EpochLayout::springs(const EarlierEpoch& before) const {
  constexpr double shortest_way = 0.1, usual_samples = 5000;
  // Of the share of neighbours kept: 14 of 15 hold by 0.6 of the stiffness, 12 by 0.2, 10 by 0.04. A sample
  // among new neighbours must be free, or the picture keeps the neighbours of an earlier epoch.
  constexpr double steepness = 8;
  // Drafts of many samples wander as far as those of few, but past more neighbours, which stand closer.
  const double stiffness =
      options_.spring * std::sqrt(usual_samples / std::max<double>(1000, static_cast<double>(points_.train)));
  std::vector<float> out = neighbor_preserving_rate(sample_neighbors(), before);
  for_samples([&](int64_t, int32_t id, const Neighbors& neighbors, int64_t row) {
    const double way = this->way(id, neighbors, row);
    float& value = out[static_cast<size_t>(id)];
    // Features that stay are a reason to stay too, whatever comes near them.
    value = static_cast<float>(std::pow(value, steepness) * stiffness / (way + shortest_way) + hold(way));
  });
  return out;
}

std::vector<EpochLayout::Allegiance> EpochLayout::allegiances() const {
  std::vector<Allegiance> all;
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

/// Neither is of a class that the other is not of; an edge between a sample and a boundary sample belongs
/// to the boundary-wise complex, whatever the classes, and counts as kin.
bool EpochLayout::kin(int64_t i, int64_t j) const {
  const Allegiance& a = allegiance_[static_cast<size_t>(i)];
  const Allegiance& b = allegiance_[static_cast<size_t>(j)];
  const bool a_between = a[0] != a[1], b_between = b[0] != b[1];
  if (a_between != b_between) return true;
  return a == b || (a[0] == b[1] && a[1] == b[0]);
}

/// Edges between strangers attract less. Row i of `edges` is point first_point + i, targets are active
/// points.
void EpochLayout::weaken_strangers(EdgeList& edges, int64_t first_point) const {
  const auto factor = static_cast<float>(options_.cross_class_weight);
  parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1]; ++e)
        if (!kin(first_point + i, edges.target[static_cast<size_t>(e)]))
          edges.weight[static_cast<size_t>(e)] *= factor;
  });
}

EdgeList EpochLayout::active_edges() const {
  EdgeList samples;
  {
    const Neighbors near = nearest_of(data_.train_to_train, fit_k);
    samples = fuzzy_union(near, membership_strengths(near), points_.train);
  }
  // The boundary-wise complex: train and boundary samples query boundary samples. Among boundary samples it
  // is a plain complex.
  EdgeList towards_boundary;
  std::vector<float> strengths;
  if (points_.boundary > 0) {
    Neighbors queries = data_.train_to_boundary;
    queries.append(data_.boundary_to_boundary);
    towards_boundary = fuzzy_union(queries, membership_strengths(queries), points_.active(),
                                   static_cast<int32_t>(points_.train));
    strengths = membership_strengths(data_.boundary_to_train);
  }
  EdgeList list = edge_list(points_.active(), [&](const auto& add) {
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
      for (int r = 0; r < fit_k; ++r) {
        const auto at = static_cast<size_t>(b * fit_k + r);
        const int64_t sample = data_.boundary_to_train.index[at], boundary = points_.train + b;
        const double weight = options_.boundary_to_sample_weight * strengths[at];
        add(boundary, sample, weight);
        add(sample, boundary, weight);
      }
  });
  weaken_strangers(list, 0);
  balance_sides(list);
  return list;
}

double EpochLayout::boundary_weight() const {
  return options_.boundary_weight *
         std::min(1.0, static_cast<double>(points_.boundary) / options_.boundary_enough);
}

/// Makes the samples of either side pull a boundary sample with the same total weight, so that it comes to
/// lie between its two classes rather than inside the one that has more samples near it.
void EpochLayout::balance_sides(EdgeList& edges) const {
  const int64_t n = points_.train;
  const auto side_of = [&](int64_t boundary, int64_t sample) {
    const Allegiance& a = allegiance_[static_cast<size_t>(boundary)];
    const int32_t c = allegiance_[static_cast<size_t>(sample)][0];
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

EdgeList EpochLayout::passive_edges() const {
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
  const Neighbors near = nearest_of(data_.other_to_train, fit_k);
  if (points_.other > 0) include(near, 0, 0, 1);
  if (points_.other > 0 && points_.boundary > 0)
    include(data_.other_to_boundary, 0, points_.train, boundary_weight());
  if (points_.evaluation > 0) {
    include(data_.evaluation_to_train, points_.other, 0, options_.boundary_to_sample_weight);
    include(data_.evaluation_to_boundary, points_.other, points_.train, 1);
  }
  EdgeList list = edge_list(points_.passive(), [&](const auto& add) {
    for (const Part& part : parts)
      for (int64_t i = 0; i < part.neighbors->size(); ++i)
        for (int r = 0; r < part.neighbors->k; ++r) {
          const auto at = static_cast<size_t>(i * part.neighbors->k + r);
          add(part.first_row + i, part.target_offset + part.neighbors->index[at],
              part.strengths[at] * part.weight);
        }
  });
  weaken_strangers(list, points_.active());
  return list;
}

/// The draft before, or a principal plane, small, as t-SNE wants it; points that were not there yet at their
/// nearest neighbours.
Matrix EpochLayout::start(const EarlierEpoch* before, uint64_t seed) const {
  Matrix positions(points_.all(), 2);
  if (before != nullptr) {
    for_samples([&](int64_t point, int32_t id, const Neighbors& neighbors, int64_t row) {
      copy(before->draft.row(id), positions.row(point));
      join_new_class(id, neighbors.row(row), *before, positions.row(point));
    });
  } else {
    Matrix copied;
    const MatrixView train = view_rows(data_.features, sets_.train, copied);
    const auto subspace = principal_subspace(train, 2, seed);
    subspace.project(train, positions.mut().slice(0, points_.train));
    const float scale = subspace.variance[0] > 0 ? 1e-2f / std::sqrt(subspace.variance[0]) : 1.f;
    for (int64_t i = 0; i < 2 * points_.train; ++i) positions.data()[i] *= scale;
    // Identical samples would stay on one spot for ever.
    Random random(seed, 0x57a);
    for (int64_t i = 0; i < 2 * points_.train; ++i)
      positions.data()[i] += static_cast<float>(1e-4 * random.normal());
    if (points_.other > 0) place_by_neighbors(data_.other_to_train, points_.active(), positions);
  }
  if (points_.boundary > 0) place_by_neighbors(data_.boundary_to_train, points_.train, positions);
  if (points_.evaluation > 0)
    place_by_neighbors(data_.evaluation_to_train, points_.active() + points_.other, positions);
  return positions;
}

/// A sample that changed class starts among its neighbours that were of the new class already: points cannot
/// pass through a crowd of others by themselves, and would stay behind as islands in the old territory.
void EpochLayout::join_new_class(int32_t id, std::span<const int32_t> to_train, const EarlierEpoch& before,
                                 float* position) const {
  if (!changed_class(id, data_, before)) return;
  constexpr int enough = 3;
  float sum[2] = {};
  int count = 0;
  for (const int32_t row : to_train) {
    const int32_t other = sets_.train[static_cast<size_t>(row)];
    if (count == enough || changed_class(other, data_, before) ||
        data_.verdicts[static_cast<size_t>(other)].prediction !=
            data_.verdicts[static_cast<size_t>(id)].prediction)
      continue;
    for (int c = 0; c < 2; ++c) sum[c] += before.draft(other, c);
    ++count;
  }
  if (count > 0)
    for (int c = 0; c < 2; ++c) position[c] = sum[c] / static_cast<float>(count);
}

/// A draft holds a sample by how little its features moved.
std::vector<float> EpochLayout::anchor_strength(const EarlierEpoch& before) const {
  std::vector<float> strength(static_cast<size_t>(points_.all()), 0.f);
  for_samples([&](int64_t point, int32_t id, const Neighbors& neighbors, int64_t row) {
    if (changed_class(id, data_, before)) return;
    strength[static_cast<size_t>(point)] = static_cast<float>(hold(way(id, neighbors, row)));
  });
  return strength;
}

}  // namespace dvi
