// What each part of the default preset brings: fits recorded epochs with one thing changed at a time and
// prints a table of what `dvi eval` would say of the last epoch. ./run bench ablation RUN [EPOCHS], e.g.
// 1,5,10; all epochs if not given.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "core/progress.h"
#include "core/stopwatch.h"
#include "fit/fit.h"
#include "fit/fitted_epoch.h"
#include "fit/measure.h"
#include "fit/paint.h"
#include "fit/standard/standard_preset.h"
#include "landscape/plane_classifier.h"
#include "metrics/temporal.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct Variant {
  const char* name;
  StandardOptions options;
  bool together = true;  ///< epochs are settled together, not one after the other
};

std::vector<Variant> variants() {
  std::vector<Variant> all;
  const auto add = [&](const char* name, const auto& change) {
    all.push_back({name, {}});
    change(all.back().options);
  };
  add("the default preset", [](auto&) {});
  add("no class distributions in the layout's distance", [](auto& o) { o.class_weight = 0; });
  add("no margins in the layout's distance", [](auto& o) { o.margin_rank_weight = 0; });
  add("decoder knows no margins", [](auto& o) { o.margin_weight = 0; });
  add("no boundary-wise complex", [](auto& o) { o.boundary_weight = 0; });
  add("boundary weight 0.6", [](auto& o) { o.boundary_weight = 0.6; });
  add("boundary weight 2", [](auto& o) { o.boundary_weight = 2; });
  add("few boundary samples weigh in full", [](auto& o) { o.boundary_enough = 1; });
  add("edges between classes weigh half of that", [](auto& o) { o.cross_class_weight *= 0.5; });
  add("edges between classes weigh in full", [](auto& o) { o.cross_class_weight = 1; });
  add("attraction of UMAP's look (exaggeration 4)", [](auto& o) { o.exaggeration = 4; });
  add("decoder knows no classifier", [](auto& o) { o.reconstruction_weight = 1000; });
  add("settled one after the other", [](auto&) {});
  all.back().together = false;
  add("not settled between epochs", [](auto& o) { o.settle_sweeps = 0; });
  add("samples that change class held like others", [](auto& o) { o.changed_class_spring = 1; });
  add("springs 3 times as strong", [](auto& o) { o.spring *= 3; });
  add("nothing but springs", [](auto& o) {
    o.spring *= 1000;
    o.changed_class_spring = 1;
  });
  add("drafts without anchors", [](auto& o) { o.anchor = 0; });
  return all;
}

/// Mean distance that train samples moved, as a share of the picture.
double mean_move(const SampleSets& sets, const Matrix& before, const Matrix& now) {
  double sum = 0;
  for (const int32_t id : sets.train)
    sum += std::hypot(now(id, 0) - before(id, 0), now(id, 1) - before(id, 1));
  return sum / static_cast<double>(sets.train.size()) / square_around(bounds_of(now), 0).width();
}

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "";
}

/// Of the train samples over all epochs, at `positions`, [N, 2] each.
TemporalMetrics over_time(const SampleSets& sets, const std::vector<EpochData>& epochs,
                          const std::vector<Matrix>& positions) {
  std::vector<Matrix> features, places;
  std::vector<std::vector<int32_t>> neighbors;
  std::vector<TemporalEpoch> all;
  for (size_t e = 0; e < epochs.size(); ++e) {
    features.push_back(gather_rows(epochs[e].features, sets.train));
    places.push_back(gather_rows(positions[e], sets.train));
    neighbors.push_back(nearest_of(epochs[e].train_to_train, fit_k).index);
  }
  for (size_t e = 0; e < epochs.size(); ++e) all.push_back({features[e], places[e], neighbors[e]});
  TemporalSums sums;
  sums.add(all, fit_k);
  return sums.metrics();
}

void ablate(const std::filesystem::path& folder, const std::string& wanted) {
  set_output(Output::quiet);
  const Run run = Run::open(folder);
  const SampleSets sets = SampleSets::of(run);
  std::vector<EpochData> epochs;
  for (const int number : wanted.empty() ? run.epoch_numbers() : parse_epochs(wanted))
    epochs.push_back(load_epoch(run, sets, number, 0,
                                epochs.empty() ? std::nullopt : std::optional(epochs.back().number)));
  fmt::print("{}, epoch {} of those fitted; train / test\n\n", run.manifest().name, epochs.back().number);
  fmt::print(
      "| | nn_15 | boundary_15 | PPR before points are moved | points moved | margin_rank | PPR | PPR, "
      "encoder "
      "alone | CCR | keep_boundary | way since the epoch before | seconds | tlr middle / late | tnn_3 | "
      "temporal_pearson |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const auto& variant : variants()) {
    const StandardPreset preset(variant.options);
    std::unique_ptr<FittedEpoch> previous;
    double moved = 0, seconds = 0;
    EpochMetrics metrics;
    std::vector<std::unique_ptr<Preparation>> prepared;
    for (size_t e = 0; e < epochs.size(); ++e) {
      if (e == 0) {
        prepared.push_back(preset.prepare(sets, epochs[e], nullptr, 0));
        continue;
      }
      const ClassifierSnapshot classifier = classifier_snapshot(sets, epochs[e - 1]);
      const auto state = prepared.back()->state();
      const EpochBefore before{classifier, state.get()};
      prepared.push_back(preset.prepare(sets, epochs[e], &before, 0));
    }
    std::vector<Preparation*> all_prepared;
    for (const auto& preparation : prepared) all_prepared.push_back(preparation.get());
    if (variant.together) preset.settle(all_prepared, nullptr);
    std::vector<Matrix> positions;
    for (size_t e = 0; e < epochs.size(); ++e) {
      const EpochData& data = epochs[e];
      if (!variant.together) preset.settle(std::span(all_prepared).subspan(e, 1), previous.get());
      const Projection projection = preset.finish(*prepared[e], data, previous.get(), 0);
      seconds = 0;
      for (const auto& [stage, of_stage] : projection.seconds) seconds += of_stage;
      const Extent extent = square_around(bounds_of(projection.positions));
      const Landscape landscape =
          PlaneClassifier(projection.model.decoder, *data.subject).paint(extent, territory_size);
      metrics = measure(sets, data, projection, landscape, extent).metrics;
      positions.push_back(projection.positions);
      if (previous) moved = mean_move(sets, previous->positions, projection.positions);
      previous = std::make_unique<FittedEpoch>(fitted_epoch(data, projection, {}));
    }
    const auto& [train, test, boundary] = std::tie(metrics.train, metrics.test, metrics.boundary);
    const auto both = [&](auto member, int digits) {
      return cell(train.*member, digits) + " / " + cell(test.*member, digits);
    };
    const GroupMetrics alone_train = metrics.encoder_train.value_or(GroupMetrics{}),
                       alone_test = metrics.encoder_test.value_or(GroupMetrics{});
    const TemporalMetrics time = over_time(sets, epochs, positions);
    fmt::print(
        "| {} | {} | {} | {} | {} | {} | {} | {} / {} | {} | {:.3f} | {:.2f} % | {:.1f} | {} / {} | {} | {} "
        "|\n",
        variant.name, both(&GroupMetrics::nn_15, 2), both(&GroupMetrics::boundary_15, 2),
        both(&GroupMetrics::ppr_fitted, 3), both(&GroupMetrics::moved_share, 3),
        both(&GroupMetrics::margin_rank, 3), both(&GroupMetrics::ppr, 3), cell(alone_train.ppr, 3),
        cell(alone_test.ppr, 3), both(&GroupMetrics::ccr, 3), boundary.keep_boundary.value_or(0), 100 * moved,
        seconds, cell(time.tlr_middle, 2), cell(time.tlr_late, 2), cell(time.tnn_3, 2),
        cell(time.temporal_pearson, 2));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace dvi

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: ablation RUN [EPOCHS]\n");
    return 2;
  }
  try {
    dvi::ablate(argv[1], argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "ablation: {}\n", error.what());
    return 1;
  }
}
