#include "fit/fit.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/progress.h"
#include "findings/findings.h"
#include "fit/epoch_layout.h"
#include "fit/identical_samples.h"
#include "fit/paper_preset.h"
#include "fit/standard_preset.h"
#include "fit/view_writer.h"
#include "run/check.h"

namespace dvi {
namespace {

std::string stage_text(const StageSeconds& data, const StageSeconds& projection) {
  double total = 0;
  std::string text;
  for (const auto* stages : {&data, &projection})
    for (const auto& [stage, seconds] : *stages) {
      if (stage == "boundary_subject") continue;  // part of "boundary"
      total += seconds;
      if (seconds >= 0.05) text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", stage, seconds);
    }
  return fmt::format("{:.1f} s ({})", total, text);
}

std::string quality_text(const EpochMetrics& metrics) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) text += fmt::format("{}{} {:.3f}", text.empty() ? "" : ", ", name, *value);
  };
  const bool held_out = metrics.test.count > 0;
  const GroupMetrics& group = held_out ? metrics.test : metrics.train;
  add("nn_15", group.nn_15);
  add("boundary_15", group.boundary_15);
  add("ppr", group.ppr);
  return (held_out ? "test " : "train ") + text;
}

Run open_fittable(const std::filesystem::path& folder) {
  Run run = Run::open(folder);
  expect_fittable(run);
  return run;
}

class Fit {
 public:
  Fit(const std::filesystem::path& folder, const FitOptions& options)
      : run_(open_fittable(folder)),
        options_(options),
        sets_(SampleSets::of(run_)),
        writer_(run_, options,
                options.preset == Preset::paper ? paper_settings() : to_json(StandardOptions{})) {}

  void run() {
    if (run_.epoch_numbers().empty() && !options_.follow)
      fail("{}: expected recorded epochs, found none; record some or use --follow to wait for them",
           (run_.folder() / "epochs").string());
    for (const int wanted : options_.epochs)
      if (!options_.follow && !std::ranges::binary_search(run_.epoch_numbers(), wanted))
        fail("--epochs {}: expected an epoch of {}, found none of this number; 'dvi check' lists them",
             wanted, run_.folder().string());
    while (true) {
      // Asked before looking for epochs, so that the last one, recorded in between, is not missed.
      const bool last_look = !options_.follow || run_.finished();
      const auto open = open_epochs();
      if (!open.empty()) {
        fit_epoch(open);
        continue;
      }
      if (last_look) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    writer_.set_state("done");
  }

 private:
  std::vector<int> open_epochs() const {
    std::vector<int> open = run_.epoch_numbers();
    std::erase_if(open, [&](int e) {
      return std::ranges::binary_search(writer_.epochs(), e) ||
             (!options_.epochs.empty() && !std::ranges::binary_search(options_.epochs, e));
    });
    return open;
  }

  /// An epoch on its way: what was recorded and, with the default preset, its draft.
  struct Loaded {
    EpochData data;
    std::unique_ptr<EpochLayout> layout;
  };
  /// `before`: the epoch before, none at the first.
  std::unique_ptr<Loaded> load(int number, std::optional<int> before, const EarlierEpoch* earlier) {
    const Stopwatch watch;
    auto loaded = std::make_unique<Loaded>();
    loaded->data = load_epoch(run_, sets_, number, options_.seed, before);
    if (options_.preset == Preset::standard)
      loaded->layout =
          std::make_unique<EpochLayout>(sets_, loaded->data, earlier, options_.seed, standard_options_);
    last_load_ = watch.seconds();
    return loaded;
  }
  /// How many of the epochs after it an epoch waits for, so that its samples travel on towards where they
  /// will be. None while a run is followed, whose newest epoch is wanted at once, nor where several epochs
  /// would take too much memory.
  size_t look_ahead() const {
    constexpr int64_t most_samples = 300'000;
    const bool ahead = options_.preset == Preset::standard && !options_.follow &&
                       run_.manifest().sample_count() <= most_samples;
    return ahead ? settled_with : 0;
  }

  /// Fits the first of the open epochs.
  void fit_epoch(const std::vector<int>& open) {
    Stopwatch watch;
    const int number = open.front();
    const PreviousEpoch* previous = previous_of(number);
    while (!coming_.empty() && coming_.front()->data.number != number) coming_.pop_front();
    if (coming_.empty())
      coming_.push_back(load(number, previous != nullptr ? std::optional(previous->number) : std::nullopt,
                             previous != nullptr ? &previous->earlier : nullptr));
    try {
      while (coming_.size() <= look_ahead() && coming_.size() < open.size() &&
             !fitted_between(number, open[coming_.size()])) {
        const EarlierEpoch earlier = coming_.back()->layout->earlier();
        coming_.push_back(load(open[coming_.size()], coming_.back()->data.number, &earlier));
      }
    } catch (const Error&) {
      // It will be told when that epoch's turn comes, and this one is not lost.
    }
    const double loading = watch.seconds();
    const std::unique_ptr<Loaded> now = std::move(coming_.front());
    coming_.pop_front();
    std::vector<const EpochLayout*> after;
    for (const auto& later : coming_) after.push_back(later->layout.get());
    EpochData& data = now->data;
    Projection projection = options_.preset == Preset::paper
                                ? fit_paper(sets_, data, previous, options_.seed)
                                : fit_standard(*now->layout, previous, after, options_.seed);
    unite_identical(data.features, projection.positions);
    now->layout.reset();  // its edges are a good part of all memory
    Stopwatch measuring;
    Measured measured = measure(sets_, data, projection);
    data.seconds["measure"] = measuring.lap();
    writer_.write_epoch(data, projection, measured);
    data.seconds["write"] = measuring.lap();
    writer_.publish(data, projection, measured);
    writer_.update_events(data);
    // Everything is looked at anew, so only while somebody waits for it, and at the end.
    if (options_.follow || open.size() == 1) tell_findings();
    const auto more = static_cast<double>(open.size() - 1);
    const double time_left =
        more * (watch.seconds() - loading) + (more - static_cast<double>(coming_.size())) * last_load_;
    say(fmt::format(
        "epoch {}: {}, {}{}", number, stage_text(data.seconds, projection.seconds),
        quality_text(measured.metrics),
        open.size() > 1 ? fmt::format(" [{} more, about {:.0f} s]", open.size() - 1, time_left) : ""));

    EarlierEpoch earlier{projection.draft, {}, std::move(measured.neighbors.index), measured.neighbors.k};
    for (const auto& verdict : data.verdicts) earlier.predictions.push_back(verdict.prediction);
    previous_ = std::make_unique<PreviousEpoch>(
        PreviousEpoch{number, projection.model, projection.positions, std::move(earlier)});
  }

  void tell_findings() const {
    try {
      write_findings(run_, View::open(run_, options_.view));
    } catch (const Error& error) {
      // The epochs are fitted all the same.
      say(fmt::format("no findings: {}", error.what()));
    }
  }

  bool fitted_between(int a, int b) const {
    const auto& epochs = writer_.epochs();
    return std::lower_bound(epochs.begin(), epochs.end(), a) !=
           std::lower_bound(epochs.begin(), epochs.end(), b);
  }

  const PreviousEpoch* previous_of(int number) {
    const auto& epochs = writer_.epochs();
    const auto at = std::lower_bound(epochs.begin(), epochs.end(), number);
    if (at == epochs.begin()) return nullptr;
    const int earlier = *(at - 1);
    if (!previous_ || previous_->number != earlier)
      previous_ = std::make_unique<PreviousEpoch>(writer_.load_previous(earlier));
    return previous_.get();
  }

  Run run_;
  FitOptions options_;
  SampleSets sets_;
  ViewWriter writer_;
  StandardOptions standard_options_;
  std::unique_ptr<PreviousEpoch> previous_;
  std::deque<std::unique_ptr<Loaded>> coming_;  // the epoch to fit next and those it waits for
  double last_load_ = 0;                        // seconds
};

}  // namespace

void fit_run(const std::filesystem::path& run, const FitOptions& options) { Fit(run, options).run(); }

}  // namespace dvi
