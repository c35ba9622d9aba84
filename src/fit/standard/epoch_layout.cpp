#include "fit/standard/epoch_layout.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

EpochLayout::EpochLayout(const SampleSets& sets, const EpochData& data, const LayoutBefore* before,
                         uint64_t seed, const StandardOptions& options)
    : sets_(sets), data_(data), options_(options), points_(LayoutPoints::of(sets, data)) {
  Stopwatch watch;
  near_ = layout_neighbors(sets_, data_, options_);
  edges_ = layout_edges(sets_, data_, near_, options_);
  near_.drop_lists();
  seconds_["complex"] = watch.lap();

  draft_ = start(before, seed);
  LayoutProblem problem{
      points_.active(), points_.passive(), &edges_.active, &edges_.passive, &frame_, {}, {}};
  const Matrix anchors = draft_;
  std::vector<float> strength;
  std::vector<LayoutPhase> phases;
  if (before != nullptr) {
    frame_ = before->frame;
    springs_ = springs(before->classifier);
    strength = anchor_strength(before->classifier);
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
  LayoutFrame frame = frame_;
  const LayoutProblem problem{points_.active(), points_.passive(), &edges_.active, &edges_.passive,
                              &frame,           anchors,           strength};
  const LayoutPhase phases[] = {{options_.settle_iterations, options_.exaggeration, 0.8, true}};
  run_layout(problem, phases, positions.mut());
}

/// How far a sample's features moved since the epoch before, measured by the distance of its farthest
/// neighbour.
double EpochLayout::feature_displacement(int32_t id, const Neighbors& neighbors, int64_t row) const {
  return std::sqrt(data_.squared_displacement[static_cast<size_t>(id)]) /
         std::max(farthest(neighbors, row), 1e-6);
}

/// How strongly features that hardly moved hold a sample where it was.
double EpochLayout::hold(double displacement) const {
  return options_.anchor / (displacement * displacement + 0.001);
}

/// Stiffness of the springs between the epoch before and this one.
std::vector<float> EpochLayout::springs(const ClassifierSnapshot& before) const {
  constexpr double least_displacement = 0.1, usual_samples = 5000;
  // Of the share of neighbours kept: 14 of 15 hold by 0.6 of the stiffness, 12 by 0.2, 10 by 0.04. A sample
  // among new neighbours must be free, or the picture keeps the neighbours of an earlier epoch.
  constexpr double steepness = 8;
  // Where neighbours disagree, the layout follows the classifier, and samples that keep their neighbours move
  // all the same. Held back they would lie among other classes, those most that have no say in the layout.
  const double loosening = std::pow(near_.strength, 4);
  // Drafts of many samples wander as far as those of few, but past more neighbours, which stand closer.
  const double stiffness =
      options_.spring / loosening *
      std::sqrt(usual_samples / std::max<double>(1000, static_cast<double>(points_.train)));
  std::vector<float> out = neighbor_preserving_rate(neighbors_by_sample(sets_, data_), before);
  for_samples([&](int64_t point, int32_t id, const Neighbors& neighbors, int64_t row) {
    const double displacement = feature_displacement(id, neighbors, row);
    float& value = out[static_cast<size_t>(id)];
    // Features that stay are a reason to stay too, whatever comes near them.
    value = static_cast<float>(std::pow(value, steepness) * stiffness / (displacement + least_displacement) +
                               hold(displacement));
    if (point >= points_.active()) value /= static_cast<float>(loosening);
  });
  return out;
}

/// The draft before, or a principal plane, small, as t-SNE wants it; points that were not there yet at their
/// nearest neighbours.
Matrix EpochLayout::start(const LayoutBefore* before, uint64_t seed) const {
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
void EpochLayout::join_new_class(int32_t id, std::span<const int32_t> to_train, const LayoutBefore& before,
                                 float* position) const {
  if (!changed_class(id, data_, before.classifier)) return;
  constexpr int enough = 3;
  float sum[2] = {};
  int count = 0;
  for (const int32_t row : to_train) {
    const int32_t other = sets_.train[static_cast<size_t>(row)];
    if (count == enough || changed_class(other, data_, before.classifier) ||
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
std::vector<float> EpochLayout::anchor_strength(const ClassifierSnapshot& before) const {
  std::vector<float> strength(static_cast<size_t>(points_.all()), 0.f);
  for_samples([&](int64_t point, int32_t id, const Neighbors& neighbors, int64_t row) {
    if (changed_class(id, data_, before)) return;
    strength[static_cast<size_t>(point)] = static_cast<float>(hold(feature_displacement(id, neighbors, row)));
  });
  return strength;
}

}  // namespace dvi
