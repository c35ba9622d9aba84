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
#include "fit/fitted_epoch.h"
#include "fit/identical_samples.h"
#include "fit/measure.h"
#include "fit/paint.h"
#include "fit/presets.h"
#include "fit/view_events.h"
#include "fit/view_writer.h"
#include "run/check.h"

namespace dvi {
namespace {

std::string stage_text(const StageSeconds& stages) {
  double total = 0;
  std::string text;
  for (const auto& [stage, seconds] : stages) {
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
        preset_(make_preset(options.preset)),
        writer_(run_, {options.view, options.preset, options.seed, preset_->settings()}, options.force) {
    writer_.set_state(options.follow ? "following" : "fitting");
    extent_ = view_extent(view());
  }

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

  View view() const { return View::open(run_, options_.view); }

  /// An epoch on its way: what was recorded, and what the preset has made of it.
  struct Prepared {
    EpochData data;
    std::unique_ptr<Preparation> preparation;
  };
  /// `before_number`: of the epoch before; both are empty at the first.
  std::unique_ptr<Prepared> prepare(int number, std::optional<int> before_number, const EpochBefore* before) {
    const Stopwatch watch;
    auto prepared = std::make_unique<Prepared>();
    prepared->data = load_epoch(run_, sets_, number, options_.seed, before_number);
    prepared->preparation = preset_->prepare(sets_, prepared->data, before, options_.seed);
    last_preparation_ = watch.seconds();
    return prepared;
  }
  /// How many of the epochs after it an epoch waits for. None while a run is followed, whose newest epoch is
  /// wanted at once, nor where several epochs would take too much memory.
  size_t look_ahead() const {
    constexpr int64_t most_samples = 300'000;
    return options_.follow || run_.manifest().sample_count() > most_samples ? 0 : preset_->look_ahead();
  }

  /// Prepares the first of the open epochs and those it waits for.
  void prepare_first(const std::vector<int>& open, const FittedEpoch* previous) {
    const int number = open.front();
    while (!coming_.empty() && coming_.front()->data.number != number) coming_.pop_front();
    if (coming_.empty() && previous == nullptr) coming_.push_back(prepare(number, std::nullopt, nullptr));
    if (coming_.empty()) {
      const EpochBefore before{previous->classifier, previous->state.get()};
      coming_.push_back(prepare(number, previous->number, &before));
    }
    try {
      while (coming_.size() <= look_ahead() && coming_.size() < open.size() &&
             !fitted_between(number, open[coming_.size()])) {
        const Prepared& last = *coming_.back();
        const ClassifierSnapshot classifier = classifier_snapshot(sets_, last.data);
        const auto state = last.preparation->state();
        const EpochBefore before{classifier, state.get()};
        coming_.push_back(prepare(open[coming_.size()], last.data.number, &before));
      }
    } catch (const Error&) {
      // It will be told when that epoch's turn comes, and this one is not lost.
    }
  }

  Projection project(const Preparation& now, const FittedEpoch* previous) const {
    std::vector<const Preparation*> after;
    for (const auto& later : coming_) after.push_back(later->preparation.get());
    return preset_->finish(now, after, previous, options_.seed);
  }

  /// Fits the first of the open epochs: project, paint, measure, find events, write.
  void fit_epoch(const std::vector<int>& open) {
    Stopwatch watch;
    const int number = open.front();
    const FittedEpoch* previous = previous_of(number);
    prepare_first(open, previous);
    const double preparing = watch.seconds();
    const std::unique_ptr<Prepared> now = std::move(coming_.front());
    coming_.pop_front();
    const EpochData& data = now->data;
    Projection projection = project(*now->preparation, previous);
    unite_identical(data.features, projection.positions);
    now->preparation.reset();  // its edges are a good part of all memory

    const View view = this->view();
    StageSeconds seconds = data.seconds;
    for (const auto& [stage, of_stage] : projection.seconds) seconds[stage] = of_stage;
    Stopwatch stage;
    const Painting painting = paint(run_, view, extent_, data, projection);
    seconds["landscape"] = stage.lap();
    Measured measured = measure(sets_, data, projection, painting.landscape, painting.extent.shown);
    seconds["measure"] = stage.lap();
    const std::vector<Event> events = events_with(run_, view, data, projection);
    seconds["events"] = stage.lap();
    writer_.write({data, projection, painting, measured, events, seconds});
    seconds["write"] = stage.lap();
    extent_ = painting.extent;
    // Everything is looked at anew, so only while somebody waits for it, and at the end.
    if (options_.follow || open.size() == 1) write_findings();

    const auto more = static_cast<double>(open.size() - 1);
    const double time_left = more * (watch.seconds() - preparing) +
                             (more - static_cast<double>(coming_.size())) * last_preparation_;
    say(fmt::format(
        "epoch {}: {}, {}{}", number, stage_text(seconds), quality_text(measured.metrics),
        open.size() > 1 ? fmt::format(" [{} more, about {:.0f} s]", open.size() - 1, time_left) : ""));
    previous_ = std::make_unique<FittedEpoch>(
        fitted_epoch(data, projection, classifier_snapshot(data, std::move(measured.neighbors))));
  }

  void write_findings() const {
    try {
      dvi::write_findings(run_, view());
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

  const FittedEpoch* previous_of(int number) {
    const auto& epochs = writer_.epochs();
    const auto at = std::lower_bound(epochs.begin(), epochs.end(), number);
    if (at == epochs.begin()) return nullptr;
    const int earlier = *(at - 1);
    if (!previous_ || previous_->number != earlier)
      previous_ = std::make_unique<FittedEpoch>(load_fitted_epoch(*view().epoch(earlier), *preset_));
    return previous_.get();
  }

  Run run_;
  FitOptions options_;
  SampleSets sets_;
  std::unique_ptr<Preset> preset_;
  ViewWriter writer_;
  std::optional<ViewExtent> extent_;
  std::unique_ptr<FittedEpoch> previous_;
  std::deque<std::unique_ptr<Prepared>> coming_;  // the epoch to fit next and those it waits for
  double last_preparation_ = 0;                   // seconds
};

}  // namespace

void fit_run(const std::filesystem::path& run, const FitOptions& options) { Fit(run, options).run(); }

}  // namespace dvi
