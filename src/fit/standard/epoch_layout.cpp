#include "fit/standard/epoch_layout.h"

#include <algorithm>
#include <cmath>

#include "comm/shared_for.h"
#include "core/progress.h"
#include "core/random.h"
#include "linalg/principal_subspace.h"

namespace dvi {
namespace {

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

bool changed_class(int32_t id, const EpochData& data, const ClassifierSnapshot& before) {
  return before.predictions[static_cast<size_t>(id)] != data.verdicts[static_cast<size_t>(id)].prediction;
}

/// How far each sample's features moved since the epoch before, measured by the distance of its farthest
/// neighbour; [N].
std::vector<float> displacements(const SampleSets& sets, const EpochData& data) {
  std::vector<float> out(data.squared_displacement.size());
  const auto displacement = [&](int32_t id, const Neighbors& to_train, int64_t row) {
    return static_cast<float>(std::sqrt(data.squared_displacement[static_cast<size_t>(id)]) /
                              std::max(farthest(to_train, row), 1e-6));
  };
  const int64_t n = std::ssize(sets.train);
  const RowRange own = owned_rows(n);
  std::vector<float> train(sets.train.size());
  for (int64_t i = own.begin; i < own.end; ++i) {
    const auto at = static_cast<size_t>(i);
    train[at] = displacement(sets.train[at], data.train_to_train, i - own.begin);
  }
  gather_shared(n, owned_grain, shared_rows(train));
  for (size_t i = 0; i < train.size(); ++i) out[static_cast<size_t>(sets.train[i])] = train[i];
  for (size_t i = 0; i < sets.other_ids.size(); ++i)
    out[static_cast<size_t>(sets.other_ids[i])] =
        displacement(sets.other_ids[i], data.other_to_train, static_cast<int64_t>(i));
  return out;
}

/// A sample that changed class starts among its neighbours that were of the new class already: points cannot
/// pass through a crowd of others by themselves, and would stay behind as islands in the old territory.
void join_new_class(const SampleSets& sets, const EpochData& data, int32_t id,
                    std::span<const int32_t> to_train, const LayoutBefore& before, float* position) {
  if (!changed_class(id, data, before.classifier)) return;
  constexpr int enough = 3;
  float sum[2] = {};
  int count = 0;
  for (const int32_t row : to_train) {
    const int32_t other = sets.train[static_cast<size_t>(row)];
    if (count == enough || changed_class(other, data, before.classifier) ||
        data.verdicts[static_cast<size_t>(other)].prediction !=
            data.verdicts[static_cast<size_t>(id)].prediction)
      continue;
    for (int c = 0; c < 2; ++c) sum[c] += before.draft(other, c);
    ++count;
  }
  if (count > 0)
    for (int c = 0; c < 2; ++c) position[c] = sum[c] / static_cast<float>(count);
}

/// How far apart neighbours stand in the picture, against 5,000 samples: what moves samples
/// about disturbs more neighbours where there are many.
double room_between(int64_t samples) {
  return std::pow(5000.0 / std::max(1000.0, static_cast<double>(samples)), 0.75);
}

}  // namespace

EpochLayout::EpochLayout(const SampleSets& sets, const EpochData& data, const LayoutBefore* before,
                         uint64_t seed, const StandardOptions& options)
    : sets_(sets), options_(options), points_(LayoutPoints::of(sets, data)) {
  // Attraction beyond t-SNE's, which makes classes coherent, pulls neighbours past each other.
  options_.exaggeration = 1 + (options.exaggeration - 1) * std::min(1.0, room_between(points_.train));
  Stopwatch watch;
  near_ = layout_neighbors(sets_, data, options_);
  edges_ = layout_edges(sets_, data, near_, options_);
  near_.drop_lists();
  seconds_["complex"] = watch.lap();
  place_draft(data, before, seed);
  seconds_["layout"] = watch.lap();
}

template <typename Visit>
void EpochLayout::for_samples(const Visit& visit) const {
  for (int64_t i = 0; i < points_.train; ++i) visit(i, sets_.train[static_cast<size_t>(i)]);
  for (int64_t i = 0; i < points_.other; ++i)
    visit(points_.active() + i, sets_.other_ids[static_cast<size_t>(i)]);
}

void EpochLayout::place_draft(const EpochData& data, const LayoutBefore* before, uint64_t seed) {
  positions_ = start(data, before, seed);
  LayoutProblem problem{points_.active(), points_.passive(), &edges_.active, &edges_.passive, &frame_, {}, {},
                        points_.boundary};
  const Matrix anchors = positions_;
  std::vector<float> strength;
  std::vector<LayoutPhase> phases;
  if (before != nullptr) {
    frame_ = before->frame;
    const std::vector<float> displacement = displacements(sets_, data);
    springs_ = springs(data, before->classifier, displacement);
    // A draft holds a sample by how little its features moved.
    strength.assign(static_cast<size_t>(points_.all()), 0.f);
    for_samples([&](int64_t point, int32_t id) {
      if (!changed_class(id, data, before->classifier))
        strength[static_cast<size_t>(point)] =
            static_cast<float>(hold(displacement[static_cast<size_t>(id)]));
    });
    problem.anchors = anchors;
    problem.anchor_strength = strength;
    phases.push_back({options_.following_iterations, options_.exaggeration, 0.8, true});
  } else {
    phases.push_back({options_.early_iterations, 12, 0.5});
    phases.push_back({options_.free_iterations, options_.exaggeration, 0.8});
    phases.push_back({options_.iterations, options_.exaggeration, 0.8, true});
  }
  int iterations = 0;
  for (const auto& phase : phases) iterations += phase.iterations;
  Progress progress(fmt::format("epoch {}: layout", data.number), iterations);
  run_layout(problem, phases, positions_.mut(), [&](int, int) { progress.advance(); });
  draft_ = by_sample();
}

Matrix EpochLayout::by_sample() const {
  Matrix out(points_.train + points_.other, 2);
  for_samples([&](int64_t point, int32_t id) { copy(positions_.row(point), out.row(id)); });
  return out;
}

void EpochLayout::put_edges_aside(ScratchFile& file) {
  for (const auto* edges : {&edges_.active, &edges_.passive}) {
    file.put(edges->begin);
    file.put(edges->target);
    file.put(edges->weight);
  }
  edges_file_ = &file;
  drop_edges();
}

void EpochLayout::relax(const SpringEnds& before, const SpringEnds& after) {
  if (edges_file_ != nullptr) {
    edges_file_->rewind();
    for (auto* edges : {&edges_.active, &edges_.passive}) {
      edges_file_->get(edges->begin);
      edges_file_->get(edges->target);
      edges_file_->get(edges->weight);
    }
  }
  Matrix anchors(points_.all(), 2);
  std::vector<float> strength(static_cast<size_t>(points_.all()), 0.f);
  for_samples([&](int64_t point, int32_t id) {
    const float a = before.positions.rows > 0 ? before.stiffness[static_cast<size_t>(id)] : 0;
    const float b = after.positions.rows > 0 ? after.stiffness[static_cast<size_t>(id)] : 0;
    strength[static_cast<size_t>(point)] = a + b;
    for (int c = 0; c < 2 && a + b > 0; ++c)
      anchors(point, c) =
          ((a > 0 ? a * before.positions(id, c) : 0) + (b > 0 ? b * after.positions(id, c) : 0)) / (a + b);
  });
  LayoutFrame frame = frame_;
  const LayoutProblem problem{points_.active(), points_.passive(), &edges_.active, &edges_.passive,
                              &frame,           anchors,           strength,       points_.boundary};
  const LayoutPhase phases[] = {{options_.settle_iterations, options_.exaggeration, 0.8, true}};
  run_layout(problem, phases, positions_.mut());
  if (edges_file_ != nullptr) drop_edges();
}

/// How strongly features that hardly moved hold a sample where it was.
double EpochLayout::hold(double displacement) const {
  return options_.anchor / (displacement * displacement + 0.001);
}

std::vector<float> EpochLayout::springs(const EpochData& data, const ClassifierSnapshot& before,
                                        std::span<const float> displacement) const {
  constexpr double least_displacement = 0.1;
  // Of the share of neighbours kept: 14 of 15 hold by 0.6 of the stiffness, 12 by 0.2, 10 by 0.04. A sample
  // among new neighbours must be free, or the picture keeps the neighbours of an earlier epoch.
  constexpr double steepness = 8;
  // Where neighbours disagree, the layout follows the classifier, and samples that keep their neighbours move
  // all the same. Held back they would lie among other classes, those most that have no say in the layout.
  const double loosening = std::pow(near_.strength, 4);
  // Drafts of many samples wander as far as those of few, but past more neighbours, which stand closer.
  const double stiffness = options_.spring / loosening * room_between(points_.train);
  std::vector<float> out = neighbor_preserving_rate(sets_, sample_neighbors(sets_, data), before);
  for_samples([&](int64_t point, int32_t id) {
    const double moved = displacement[static_cast<size_t>(id)];
    float& value = out[static_cast<size_t>(id)];
    // Features that stay are a reason to stay too, whatever comes near them.
    value = static_cast<float>(std::pow(value, steepness) * stiffness / (moved + least_displacement) +
                               hold(moved));
    // The territories it has to lie in are two: a spring would leave it in one of them, or between.
    if (changed_class(id, data, before)) value *= static_cast<float>(options_.changed_class_spring);
    if (point >= points_.active()) value /= static_cast<float>(loosening);
  });
  return out;
}

/// The draft before, or a principal plane, small, as t-SNE wants it; points that were not there yet at their
/// nearest neighbours.
Matrix EpochLayout::start(const EpochData& data, const LayoutBefore* before, uint64_t seed) const {
  Matrix positions(points_.all(), 2);
  if (before != nullptr) {
    const auto place = [&](int64_t point, int32_t id, std::span<const int32_t> to_train) {
      copy(before->draft.row(id), positions.row(point));
      join_new_class(sets_, data, id, to_train, *before, positions.row(point));
    };
    const RowRange own = owned_rows(points_.train);
    for (int64_t i = own.begin; i < own.end; ++i)
      place(i, sets_.train[static_cast<size_t>(i)], data.train_to_train.row(i - own.begin));
    gather_owned(positions.mut().slice(0, points_.train));
    for (int64_t i = 0; i < points_.other; ++i)
      place(points_.active() + i, sets_.other_ids[static_cast<size_t>(i)], data.other_to_train.row(i));
  } else {
    Matrix copied;
    const MatrixView train = view_rows(data.features, sets_.train, copied);
    const auto subspace = principal_subspace(train, 2, seed);
    subspace.project(train, positions.mut().slice(0, points_.train));
    const float scale = subspace.variance[0] > 0 ? 1e-2f / std::sqrt(subspace.variance[0]) : 1.f;
    for (int64_t i = 0; i < 2 * points_.train; ++i) positions.data()[i] *= scale;
    // Identical samples would stay on one spot for ever.
    Random random(seed, 0x57a);
    for (int64_t i = 0; i < 2 * points_.train; ++i)
      positions.data()[i] += static_cast<float>(1e-4 * random.normal());
    if (points_.other > 0) place_by_neighbors(data.other_to_train, points_.active(), positions);
  }
  if (points_.boundary > 0) place_by_neighbors(data.boundary_to_train, points_.train, positions);
  if (points_.evaluation > 0)
    place_by_neighbors(data.evaluation_to_train, points_.active() + points_.other, positions);
  return positions;
}

}  // namespace dvi
