#include "fit/standard_preset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "core/progress.h"
#include "fit/placement.h"
#include "graph/fuzzy_set.h"
#include "linalg/principal_subspace.h"
#include "vis/distill.h"
#include "vis/layout.h"

namespace dvi {
namespace {

/// Points of a layout: active ones are train samples, then boundary samples; passive ones are other samples,
/// then boundary samples of the evaluation.
struct Points {
  int64_t train, boundary, other, evaluation;
  int64_t active() const { return train + boundary; }
  int64_t passive() const { return other + evaluation; }
  int64_t all() const { return active() + passive(); }
};

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

class Standard {
 public:
  Standard(const SampleSets& sets, const EpochData& data, const PreviousEpoch* previous, uint64_t seed,
           const StandardOptions& options)
      : sets_(sets),
        data_(data),
        previous_(previous),
        seed_(seed),
        options_(options),
        points_{static_cast<int64_t>(sets.train.size()),
                data.train_to_boundary.k > 0 ? data.boundary.size() : 0,
                static_cast<int64_t>(sets.other_ids.size()), 0} {
    if (data.evaluation_to_boundary.k > 0) points_.evaluation = data.evaluation_boundary.size();
    allegiance_ = allegiances();
  }

  Projection run() {
    Projection out;
    Stopwatch watch;
    const EdgeList edges = active_edges(), passive = passive_edges();
    out.seconds["complex"] = watch.lap();

    Matrix positions = start();
    LayoutProblem problem;
    problem.active = points_.active();
    problem.passive = points_.passive();
    problem.edges = &edges;
    problem.passive_edges = &passive;
    const Matrix anchors = positions;
    std::vector<float> strength;
    if (previous_ != nullptr) {
      strength = anchor_strength();
      problem.anchors = anchors;
      problem.anchor_strength = strength;
    }
    std::vector<LayoutPhase> phases;
    if (previous_ == nullptr) {
      phases.push_back({options_.early_iterations, 12, 0.5});
      phases.push_back({options_.iterations, options_.exaggeration, 0.8});
    } else {
      phases.push_back({options_.following_iterations, options_.exaggeration, 0.8});
    }
    {
      Progress progress(fmt::format("epoch {}: layout", data_.number),
                        phases.front().iterations + (phases.size() > 1 ? phases[1].iterations : 0));
      run_layout(problem, phases, positions.mut(), [&](int, int) { progress.advance(); });
    }
    out.seconds["layout"] = watch.lap();

    train_networks(positions, out);
    out.seconds["train"] = watch.lap();
    place(positions, out);
    bring_home(out);
    out.seconds["place"] = watch.lap();
    return out;
  }

 private:
  /// The classes a point belongs to: a sample's prediction (twice), or the two a boundary sample lies
  /// between.
  using Allegiance = std::array<int32_t, 2>;
  std::vector<Allegiance> allegiances() const {
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
  bool kin(int64_t i, int64_t j) const {
    const Allegiance& a = allegiance_[static_cast<size_t>(i)];
    const Allegiance& b = allegiance_[static_cast<size_t>(j)];
    const bool a_between = a[0] != a[1], b_between = b[0] != b[1];
    if (a_between != b_between) return true;
    return a == b || (a[0] == b[1] && a[1] == b[0]);
  }

  /// Edges between strangers attract less, but no point loses more than most of its attraction: one that has
  /// hardly any neighbours of its class would be driven out of the picture. Row i of `edges` is point
  /// first_point + i, targets are active points.
  void weaken_strangers(EdgeList& edges, int64_t first_point) const {
    constexpr double least_share = 0.3;
    std::vector<float> weaken(static_cast<size_t>(edges.rows()));
    const auto for_rows = [&](const auto& visit) {
      parallel_for(edges.rows(), 1024, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) visit(i);
      });
    };
    for_rows([&](int64_t i) {
      double own = 0, strange = 0;
      for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1]; ++e)
        (kin(first_point + i, edges.target[static_cast<size_t>(e)]) ? own : strange) +=
            edges.weight[static_cast<size_t>(e)];
      const double needed = strange > 0 ? (least_share * (own + strange) - own) / strange : 0;
      weaken[static_cast<size_t>(i)] = static_cast<float>(std::max(options_.cross_class_weight, needed));
    });
    for_rows([&](int64_t i) {
      for (int64_t e = edges.begin[static_cast<size_t>(i)]; e < edges.begin[static_cast<size_t>(i) + 1];
           ++e) {
        const int64_t j = edges.target[static_cast<size_t>(e)];
        if (kin(first_point + i, j)) continue;
        // An edge between active points is stored twice and stays the same from both ends.
        const float other = first_point == 0 ? weaken[static_cast<size_t>(j)] : 0.f;
        edges.weight[static_cast<size_t>(e)] *= std::max(weaken[static_cast<size_t>(i)], other);
      }
    });
  }

  EdgeList active_edges() const {
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

  double boundary_weight() const {
    return options_.boundary_weight *
           std::min(1.0, static_cast<double>(points_.boundary) / options_.boundary_enough);
  }

  /// Makes the samples of either side pull a boundary sample with the same total weight, so that it comes to
  /// lie between its two classes rather than inside the one that has more samples near it.
  void balance_sides(EdgeList& edges) const {
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

  EdgeList passive_edges() const {
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

  /// The epoch before, or a principal plane, small, as t-SNE wants it; points that were not there yet at
  /// their nearest neighbours.
  Matrix start() const {
    Matrix positions(points_.all(), 2);
    if (previous_ != nullptr) {
      for (int64_t i = 0; i < points_.train; ++i)
        copy(previous_->positions.row(sets_.train[static_cast<size_t>(i)]), positions.row(i));
      for (int64_t i = 0; i < points_.other; ++i)
        copy(previous_->positions.row(sets_.other_ids[static_cast<size_t>(i)]),
             positions.row(points_.active() + i));
      const Matrix before = positions;
      for (int64_t i = 0; i < points_.train; ++i)
        join_new_class(sets_.train[static_cast<size_t>(i)], data_.train_to_train.row(i), before,
                       positions.row(i));
      for (int64_t i = 0; i < points_.other; ++i)
        join_new_class(sets_.other_ids[static_cast<size_t>(i)], data_.other_to_train.row(i), before,
                       positions.row(points_.active() + i));
    } else {
      Matrix copy;
      const MatrixView train = view_rows(data_.features, sets_.train, copy);
      const auto subspace = principal_subspace(train, 2, seed_);
      subspace.project(train, positions.mut().slice(0, points_.train));
      const float scale = subspace.variance[0] > 0 ? 1e-2f / std::sqrt(subspace.variance[0]) : 1.f;
      for (int64_t i = 0; i < 2 * points_.train; ++i) positions.data()[i] *= scale;
      // Identical samples would stay on one spot for ever.
      Random random(seed_, 0x57a);
      for (int64_t i = 0; i < 2 * points_.train; ++i)
        positions.data()[i] += static_cast<float>(1e-4 * random.normal());
      if (points_.other > 0) place_by_neighbors(data_.other_to_train, points_.active(), positions);
    }
    if (points_.boundary > 0) place_by_neighbors(data_.boundary_to_train, points_.train, positions);
    if (points_.evaluation > 0)
      place_by_neighbors(data_.evaluation_to_train, points_.active() + points_.other, positions);
    return positions;
  }
  bool changed_class(int32_t id) const {
    return previous_->predictions[static_cast<size_t>(id)] !=
           data_.verdicts[static_cast<size_t>(id)].prediction;
  }
  /// A sample that changed class starts among its neighbours that were of the new class already: points
  /// cannot pass through a crowd of others by themselves, and would stay behind as islands in the old
  /// territory.
  void join_new_class(int32_t id, std::span<const int32_t> to_train, const Matrix& before,
                      float* position) const {
    if (!changed_class(id)) return;
    constexpr int enough = 3;
    float sum[2] = {};
    int count = 0;
    for (const int32_t row : to_train) {
      const int32_t other = sets_.train[static_cast<size_t>(row)];
      if (count == enough || changed_class(other) ||
          data_.verdicts[static_cast<size_t>(other)].prediction !=
              data_.verdicts[static_cast<size_t>(id)].prediction)
        continue;
      for (int c = 0; c < 2; ++c) sum[c] += before(row, c);
      ++count;
    }
    if (count > 0)
      for (int c = 0; c < 2; ++c) position[c] = sum[c] / static_cast<float>(count);
  }
  static void copy(const float* from, float* to) { std::copy(from, from + 2, to); }
  static void place_by_neighbors(const Neighbors& to_train, int64_t first_row, Matrix& positions) {
    constexpr int nearest = 3;
    for (int64_t i = 0; i < to_train.size(); ++i)
      for (int c = 0; c < 2; ++c) {
        float sum = 0;
        for (int r = 0; r < nearest; ++r) sum += positions(to_train.row(i)[static_cast<size_t>(r)], c);
        positions(first_row + i, c) = sum / nearest;
      }
  }

  /// Held by how little its features moved, measured by the distance of its farthest neighbour.
  std::vector<float> anchor_strength() const {
    std::vector<float> strength(static_cast<size_t>(points_.all()), 0.f);
    const auto hold = [&](int32_t id, const Neighbors& neighbors, int64_t row) {
      if (changed_class(id)) return 0.f;
      const double reach = neighbors.distances(row)[static_cast<size_t>(std::min(fit_k, neighbors.k) - 1)];
      const double relative = data_.moved[static_cast<size_t>(id)] / std::max(reach * reach, 1e-12);
      return static_cast<float>(options_.anchor / (relative + 0.001));
    };
    for (int64_t i = 0; i < points_.train; ++i)
      strength[static_cast<size_t>(i)] = hold(sets_.train[static_cast<size_t>(i)], data_.train_to_train, i);
    for (int64_t i = 0; i < points_.other; ++i)
      strength[static_cast<size_t>(points_.active() + i)] =
          hold(sets_.other_ids[static_cast<size_t>(i)], data_.other_to_train, i);
    return strength;
  }

  void train_networks(const Matrix& positions, Projection& out) const {
    // Networks learn from active points only: the samples and the boundary samples of the fit.
    const int64_t c = data_.logits.cols();
    Matrix logits(points_.active(), c);
    for (int64_t i = 0; i < points_.train; ++i)
      std::copy_n(data_.logits.row(sets_.train[static_cast<size_t>(i)]), c, logits.row(i));
    if (points_.boundary > 0)
      std::copy_n(data_.boundary.logits.data(), points_.boundary * c, logits.row(points_.train));
    DistillTask task;
    Matrix copy;
    task.features = view_rows(data_.features, sets_.train, copy);
    if (points_.boundary > 0) task.more_features = data_.boundary.features;
    for (int64_t i = 0; i < points_.active(); ++i)
      task.visits.insert(task.visits.end(),
                         static_cast<size_t>(i < points_.train ? 1 : options_.boundary_visits),
                         static_cast<int32_t>(i));
    task.logits = logits;
    task.positions = positions.view().slice(0, points_.active());
    task.subject = data_.subject.get();
    task.previous = previous_ != nullptr ? &previous_->model : nullptr;
    task.seed = seed_ * 7919 + static_cast<uint64_t>(data_.number);
    DistillOptions options;
    options.reconstruction_weight = options_.reconstruction_weight;
    options.steps = previous_ == nullptr ? options_.first_steps : options_.following_steps;
    Progress progress(fmt::format("epoch {}: networks", data_.number), options.steps);
    DistillResult result = distill(task, options, [&](int64_t, int64_t) { progress.advance(); });
    out.model = std::move(result.model);
    out.details = {{"steps", options.steps},
                   {"device", result.device},
                   {"encoder_error", result.encoder_error},
                   {"decoder_error", result.decoder_error},
                   {"divergence", result.divergence}};
  }

  void place(const Matrix& positions, Projection& out) const {
    out.positions = Matrix(data_.features.rows(), 2);
    for (int64_t i = 0; i < points_.train; ++i)
      copy(positions.row(i), out.positions.row(sets_.train[static_cast<size_t>(i)]));
    for (int64_t i = 0; i < points_.other; ++i)
      copy(positions.row(points_.active() + i), out.positions.row(sets_.other_ids[static_cast<size_t>(i)]));
    out.boundary_positions = Matrix(data_.boundary.size(), 2);
    out.evaluation_boundary_positions = Matrix(data_.evaluation_boundary.size(), 2);
    if (points_.boundary > 0)
      std::copy_n(positions.row(points_.train), 2 * points_.boundary, out.boundary_positions.data());
    else if (data_.boundary.size() > 0)
      out.model.encoder.apply(data_.boundary.features, out.boundary_positions.mut());
    if (points_.evaluation > 0)
      std::copy_n(positions.row(points_.active() + points_.other), 2 * points_.evaluation,
                  out.evaluation_boundary_positions.data());
    else if (data_.evaluation_boundary.size() > 0)
      out.model.encoder.apply(data_.evaluation_boundary.features, out.evaluation_boundary_positions.mut());
  }

  void bring_home(Projection& out) const {
    std::vector<Home> homes;
    for (const auto& verdict : data_.verdicts) homes.push_back({verdict.prediction, -1});
    const auto add = [&](const BoundarySet& set, const Matrix& shown) {
      for (int64_t b = 0; b < shown.rows(); ++b)
        homes.push_back({set.classes[static_cast<size_t>(b)][0], set.classes[static_cast<size_t>(b)][1]});
    };
    add(data_.boundary, out.boundary_positions);
    add(data_.evaluation_boundary, out.evaluation_boundary_positions);
    Matrix all(static_cast<int64_t>(homes.size()), 2);
    Matrix* const parts[] = {&out.positions, &out.boundary_positions, &out.evaluation_boundary_positions};
    float* at = all.data();
    for (const Matrix* part : parts) at = std::copy_n(part->data(), 2 * part->rows(), at);
    PlaneClassifier classifier(out.model.decoder, *data_.subject);
    const Placed placed = place_at_home(classifier, homes, options_.home_reach, all.mut());
    const float* from = all.data();
    for (Matrix* part : parts) {
      std::copy_n(from, 2 * part->rows(), part->data());
      from += 2 * part->rows();
    }
    out.details["astray"] = placed.astray;
    out.details["brought_home"] = placed.moved;
    out.details["mean_way_home"] = placed.mean_move;
  }

  const SampleSets& sets_;
  const EpochData& data_;
  const PreviousEpoch* previous_;
  uint64_t seed_;
  const StandardOptions& options_;
  Points points_;
  std::vector<Allegiance> allegiance_;  // of active points, then of passive ones
};

}  // namespace

Json to_json(const StandardOptions& o) {
  return {{"k", fit_k},
          {"cross_class_weight", o.cross_class_weight},
          {"boundary_weight", o.boundary_weight},
          {"boundary_enough", o.boundary_enough},
          {"boundary_to_sample_weight", o.boundary_to_sample_weight},
          {"boundary_visits", o.boundary_visits},
          {"exaggeration", o.exaggeration},
          {"early_iterations", o.early_iterations},
          {"iterations", o.iterations},
          {"following_iterations", o.following_iterations},
          {"anchor", o.anchor},
          {"first_steps", o.first_steps},
          {"following_steps", o.following_steps},
          {"reconstruction_weight", o.reconstruction_weight},
          {"home_reach", o.home_reach}};
}

Projection fit_standard(const SampleSets& sets, const EpochData& data, const PreviousEpoch* previous,
                        uint64_t seed, const StandardOptions& options) {
  return Standard(sets, data, previous, seed, options).run();
}

}  // namespace dvi
