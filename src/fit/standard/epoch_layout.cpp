#include "fit/standard/epoch_layout.h"

#include <algorithm>
#include <cmath>

#include "comm/shared_for.h"
#include "core/progress.h"
#include "core/random.h"
#include "linalg/principal_subspace.h"

namespace dvi {
namespace {

/// Boundary samples, the last `count` points, have no place yet: they go to the middle of their nearest train
/// samples.
void place_by_neighbors(const Neighbors& to_train, int64_t count, Matrix& positions) {
  constexpr int nearest = 3;
  const MutMatrixView placed = positions.mut().slice(positions.rows() - count, count);
  const RowRange own = owned_rows(count);
  for (int64_t i = own.begin; i < own.end; ++i)
    for (int c = 0; c < 2; ++c) {
      float sum = 0;
      for (int r = 0; r < nearest; ++r)
        sum += positions(to_train.row(i - own.begin)[static_cast<size_t>(r)], c);
      placed(i, c) = sum / nearest;
    }
  gather_owned(placed);
}

bool changed_class(int32_t id, const EpochData& data, const ClassifierSnapshot& before) {
  return before.predictions[static_cast<size_t>(id)] != data.verdicts[static_cast<size_t>(id)].prediction;
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
    for (int c = 0; c < 2; ++c) sum[c] += before.draft(row, c);
    ++count;
  }
  if (count > 0)
    for (int c = 0; c < 2; ++c) position[c] = sum[c] / static_cast<float>(count);
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
  order_.emplace(edges_, EdgeShare::of(points_.all(), points_.boundary), points_.all());
  edges_ = order_->ordered(std::move(edges_));
  seconds_["complex"] = watch.lap();
  place_draft(data, before, seed);
  seconds_["layout"] = watch.lap();
}

void EpochLayout::place_draft(const EpochData& data, const LayoutBefore* before, uint64_t seed) {
  positions_ = start(data, before, seed);
  const Matrix anchors = positions_;
  std::vector<float> strength;
  std::vector<LayoutPhase> phases;
  if (before != nullptr) {
    frame_ = before->frame;
    const Changes changes = changes_of_train(sets_, data, before->classifier);
    // Where neighbours disagree, the layout follows the classifier, and samples that keep their neighbours
    // move all the same. Held back they would lie among other classes. Drafts of many samples wander as far
    // as those of few, but past more neighbours, which stand closer.
    springs_ = dvi::springs(options_, changes,
                            options_.spring / std::pow(near_.strength, 4) * room_between(points_.train));
    // A draft holds a sample by how little its features moved.
    strength.assign(static_cast<size_t>(points_.all()), 0.f);
    for (size_t i = 0; i < sets_.train.size(); ++i)
      if (changes.changed_class[i] == 0)
        strength[i] = static_cast<float>(hold(options_, changes.displacement[i]));
    phases.push_back({options_.following_iterations, options_.exaggeration, 0.8, true});
  } else {
    phases.push_back({options_.early_iterations, 12, 0.5});
    phases.push_back({options_.free_iterations, options_.exaggeration, 0.8});
    phases.push_back({options_.iterations, options_.exaggeration, 0.8, true});
  }
  int iterations = 0;
  for (const auto& phase : phases) iterations += phase.iterations;
  Progress progress(fmt::format("epoch {}: layout", data.number), iterations);
  const int64_t sent_before = comm().traffic().bytes;
  move(phases, anchors, strength, frame_, [&] { progress.advance(); });
  bytes_an_iteration_ = static_cast<double>(comm().traffic().bytes - sent_before) / iterations;
  draft_ = sample_positions();
}

void EpochLayout::move(std::span<const LayoutPhase> phases, const Matrix& anchors,
                       const std::vector<float>& strength, LayoutFrame& frame,
                       const std::function<void()>& on_iteration) {
  Matrix positions = order_->ordered(positions_);
  const Matrix ordered_anchors = order_->ordered(anchors);
  const std::vector<float> ordered_strength =
      strength.empty() ? std::vector<float>() : order_->ordered(strength);
  const LayoutProblem problem{&edges_, &frame, ordered_anchors, ordered_strength};
  run_layout(problem, phases, positions.mut(), [&](int, int) { on_iteration(); });
  positions_ = order_->restored(positions);
}

Matrix EpochLayout::sample_positions() const {
  Matrix out(points_.train, 2);
  std::copy_n(positions_.data(), 2 * points_.train, out.data());
  return out;
}

void EpochLayout::put_edges_aside(ScratchFile& file) {
  file.put(edges_.begin);
  file.put(edges_.target);
  file.put(edges_.weight);
  edges_file_ = &file;
  drop_edges();
}

void EpochLayout::relax(const SpringEnds& before, const SpringEnds& after) {
  if (edges_file_ != nullptr) {
    edges_file_->rewind();
    edges_file_->get(edges_.begin);
    edges_file_->get(edges_.target);
    edges_file_->get(edges_.weight);
  }
  const Spring spring = Spring::between(before, after, points_.train);
  Matrix anchors(points_.all(), 2);
  std::copy_n(spring.anchors.data(), 2 * points_.train, anchors.data());
  std::vector<float> strength = spring.strength;
  strength.resize(static_cast<size_t>(points_.all()), 0.f);  // boundary samples are others at every epoch
  LayoutFrame frame = frame_;
  const LayoutPhase phases[] = {{options_.settle_iterations, options_.exaggeration, 0.8, true}};
  move(phases, anchors, strength, frame, [] {});
  if (edges_file_ != nullptr) drop_edges();
}

/// The draft before, or a principal plane, small, as t-SNE wants it; points that were not there yet at their
/// nearest neighbours.
Matrix EpochLayout::start(const EpochData& data, const LayoutBefore* before, uint64_t seed) const {
  Matrix positions(points_.all(), 2);
  if (before != nullptr) {
    std::copy_n(before->draft.data(), 2 * points_.train, positions.data());
    const RowRange own = owned_rows(points_.train);
    for (int64_t i = own.begin; i < own.end; ++i)
      join_new_class(sets_, data, sets_.train[static_cast<size_t>(i)], data.train_to_train.row(i - own.begin),
                     *before, positions.row(i));
    gather_owned(positions.mut().slice(0, points_.train));
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
  }
  if (points_.boundary > 0) place_by_neighbors(data.boundary_to_train, points_.boundary, positions);
  return positions;
}

}  // namespace dvi
