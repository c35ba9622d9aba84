#include "fit/standard/springs.h"

#include <algorithm>
#include <cmath>

#include "comm/shared_for.h"

namespace dvi {
namespace {

/// Distance of the last of a sample's neighbours that the complex has.
double farthest(const Neighbors& neighbors, int64_t row) {
  return neighbors.distances(row)[static_cast<size_t>(std::min(fit_k, neighbors.k) - 1)];
}

float displacement(const EpochData& data, int32_t id, const Neighbors& to_train, int64_t row) {
  return static_cast<float>(std::sqrt(data.squared_displacement[static_cast<size_t>(id)]) /
                            std::max(farthest(to_train, row), 1e-6));
}

Changes changes_but_displacement(const SampleSets& sets, const EpochData& data, std::span<const int32_t> ids,
                                 const ClassifierSnapshot& before) {
  const std::vector<float> kept = neighbor_preserving_rate(sets, sample_neighbors(sets, data), before);
  Changes out;
  out.displacement.resize(ids.size());
  for (const int32_t i : ids) {
    const auto id = static_cast<size_t>(i);
    out.neighbors_kept.push_back(kept[id]);
    out.changed_class.push_back(before.predictions[id] != data.verdicts[id].prediction);
  }
  return out;
}

}  // namespace

Spring Spring::between(const SpringEnds& before, const SpringEnds& after, int64_t n) {
  Spring out{Matrix(n, 2), std::vector<float>(static_cast<size_t>(n), 0.f)};
  for (int64_t i = 0; i < n; ++i) {
    const float a = before.positions.rows > 0 ? before.stiffness[static_cast<size_t>(i)] : 0;
    const float b = after.positions.rows > 0 ? after.stiffness[static_cast<size_t>(i)] : 0;
    out.strength[static_cast<size_t>(i)] = a + b;
    for (int c = 0; c < 2 && a + b > 0; ++c)
      out.anchors(i, c) =
          ((a > 0 ? a * before.positions(i, c) : 0) + (b > 0 ? b * after.positions(i, c) : 0)) / (a + b);
  }
  return out;
}

Changes changes_of_train(const SampleSets& sets, const EpochData& data, const ClassifierSnapshot& before) {
  const auto n = std::ssize(sets.train);
  const RowRange own = owned_rows(n);
  Changes out = changes_but_displacement(sets, data, sets.train, before);
  for (int64_t i = own.begin; i < own.end; ++i)
    out.displacement[static_cast<size_t>(i)] =
        displacement(data, sets.train[static_cast<size_t>(i)], data.train_to_train, i - own.begin);
  gather_shared(n, owned_grain, shared_rows(out.displacement));
  return out;
}

Changes changes_of_others(const SampleSets& sets, const EpochData& data, const ClassifierSnapshot& before) {
  Changes out = changes_but_displacement(sets, data, sets.other_ids, before);
  for (size_t i = 0; i < sets.other_ids.size(); ++i)
    out.displacement[i] = displacement(data, sets.other_ids[i], data.other_to_train, static_cast<int64_t>(i));
  return out;
}

double room_between(int64_t samples) {
  return std::pow(5000.0 / std::max(1000.0, static_cast<double>(samples)), 0.75);
}

double hold(const StandardOptions& options, double displacement) {
  return options.anchor / (displacement * displacement + 0.001);
}

std::vector<float> springs(const StandardOptions& options, const Changes& changes, double stiffness) {
  constexpr double least_displacement = 0.1;
  // Of the share of neighbours kept: 14 of 15 hold by 0.6 of the stiffness, 12 by 0.2, 10 by 0.04. A sample
  // among new neighbours must be free, or the picture keeps the neighbours of an earlier epoch.
  constexpr double steepness = 8;
  std::vector<float> out;
  for (size_t i = 0; i < changes.displacement.size(); ++i) {
    const double moved = changes.displacement[i];
    // Features that stay are a reason to stay too, whatever comes near them.
    auto value = static_cast<float>(std::pow(changes.neighbors_kept[i], steepness) * stiffness /
                                        (moved + least_displacement) +
                                    hold(options, moved));
    // The territories it has to lie in are two: a spring would leave it in one of them, or between.
    if (changes.changed_class[i] != 0) value *= static_cast<float>(options.changed_class_spring);
    out.push_back(value);
  }
  return out;
}

}  // namespace dvi
