#include "fit/fit.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/large_arrays.h"
#include "core/mapped_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "findings/findings.h"
#include "fit/fitted_epoch.h"
#include "fit/identical_samples.h"
#include "fit/measure.h"
#include "fit/paint.h"
#include "fit/prepared_epochs.h"
#include "fit/presets.h"
#include "fit/view_events.h"
#include "fit/view_writer.h"
#include "linalg/onednn.h"
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

/// What is worked out by every rank must be the same to the last bit.
void expect_ranks_alike() {
  int count = threads();
  broadcast_value(count, 0);
  set_threads(count);
  const std::string own = onednn_isa();
  std::vector<char> first(own.begin(), own.end());
  broadcast(first, 0);
  if (!std::ranges::equal(first, own))
    fail(
        "rank {}: expected a processor with the instructions of rank 0's ({}), found {}; use machines of one "
        "kind",
        comm().rank(), std::string(first.begin(), first.end()), own);
}

/// Large arrays of the fit lie in the view's folder.
class ArraysInView {
 public:
  explicit ArraysInView(const std::filesystem::path& view_folder) {
    put_large_arrays_in(view_folder, large_array_bytes(comm().ranks_of_machine()));
  }
  ~ArraysInView() { put_large_arrays_in_memory(); }
  ArraysInView(const ArraysInView&) = delete;
  ArraysInView& operator=(const ArraysInView&) = delete;
};

void prepare_epochs(const std::filesystem::path& folder, const FitOptions& options) {
  const Run run = open_fittable(folder);
  if (comm().size() > 1) expect_ranks_alike();
  const SampleSets sets = SampleSets::of(run);
  const PreparedEpochs prepared(run.view_folder(options.view), options.seed);
  make_folder(run.view_folder(options.view));
  const ArraysInView large(run.view_folder(options.view));
  for (const int number : options.epochs) {
    const EpochData data = load_epoch(run, sets, number, options.seed, std::nullopt, &prepared);
    const bool found = !data.seconds.contains("neighbors");
    if (!found) prepared.store(data);
    comm().barrier();
    say(fmt::format("epoch {}: {}{}", number, found ? "prepared before, " : "prepared, ",
                    stage_text(data.seconds)));
  }
}

/// The first rank writes the view, the others only help to compute it.
class Fit {
 public:
  Fit(const std::filesystem::path& folder, const FitOptions& options)
      : run_(open_fittable(folder)),
        options_(options),
        following_(options.follow),
        sets_(SampleSets::of(run_)),
        preset_(make_preset(options.preset)),
        prepared_epochs_(run_.view_folder(options.view), options.seed) {
    if (comm().size() > 1) expect_ranks_alike();
    if (writes()) {
      writer_.emplace(run_, ViewIdentity{options.view, options.preset, options.seed, preset_->settings()},
                      options.force);
      writer_->set_state(options.follow ? "following" : "fitting");
      extent_ = view_extent(view());
      fitted_ = writer_->epochs();
    }
    broadcast(fitted_, 0);
  }

  void run() {
    const ArraysInView large(run_.view_folder(options_.view));
    if (run_.epoch_numbers().empty() && !options_.follow)
      fail("{}: expected recorded epochs, found none; record some or use --follow to wait for them",
           (run_.folder() / "epochs").string());
    for (const int wanted : options_.epochs)
      if (!options_.follow && !std::ranges::binary_search(run_.epoch_numbers(), wanted))
        fail("--epochs {}: expected an epoch of {}, found none of this number; 'dvi check' lists them",
             wanted, run_.folder().string());
    while (true) {
      // Asked before looking for epochs, so that the last one, recorded in between, is not missed.
      bool last_look = !following_ || run_.finished();
      broadcast_value(last_look, 0);
      if (const auto batch = next_batch(); !batch.empty()) {
        fit_batch(batch);
        continue;
      }
      if (last_look && !following_) break;
      // What was fitted epoch by epoch is settled now that all are known.
      if (last_look)
        following_ = false;
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    if (!writes()) return;
    writer_->set_batch({});
    writer_->set_state("done");
  }

 private:
  bool writes() const { return comm().rank() == 0; }

  /// Whether epochs are settled together. Not while a run is followed, whose newest epoch is wanted at once,
  /// nor where the neighbours of all epochs would take too much room on the disk.
  bool settles() const {
    constexpr int64_t most_samples = 300'000;
    return !following_ && preset_->settles() && run_.manifest().sample_count() <= most_samples;
  }

  bool is_open(int epoch) const {
    if (!options_.epochs.empty() && !std::ranges::binary_search(options_.epochs, epoch)) return false;
    if (!std::ranges::binary_search(fitted_, epoch)) return true;
    return settles() && view().epoch(epoch)->json().value("followed", false);
  }
  std::vector<int> open_epochs() const {
    std::vector<int> open = run_.epoch_numbers();
    std::erase_if(open, [&](int e) { return !is_open(e); });
    return open;
  }

  View view() const { return View::open(run_, options_.view); }

  /// An epoch on its way: what was recorded and found, and what the preset has made of it.
  struct Prepared {
    EpochData data;
    std::unique_ptr<Preparation> preparation;
    /// Where both are while other epochs are at work; null where they stay in memory.
    std::unique_ptr<ScratchFile> data_aside, preparation_aside;
  };

  /// The open epochs to settle together: one after the other without a fitted one between them that stays as
  /// it is; or those of a batch that was begun before this fit; none where none is open.
  std::vector<int> next_batch() const {
    std::vector<int> batch;
    if (writes()) batch = next_batch(open_epochs());
    broadcast(batch, 0);  // a run that is followed grows
    return batch;
  }
  std::vector<int> next_batch(const std::vector<int>& open) const {
    if (open.empty()) return {};
    if (!settles()) return {open.front()};
    const auto begun = writer_->batch();
    const auto recorded = run_.epoch_numbers();
    if (std::ranges::includes(recorded, begun) && std::ranges::find_first_of(begun, open) != begun.end())
      return begun;
    std::vector<int> batch = {open.front()};
    for (const int epoch : std::span(open).subspan(1)) {
      const auto stays_between = [&](int e) {
        return e > batch.back() && e < epoch && !std::ranges::binary_search(open, e);
      };
      if (std::ranges::any_of(fitted_, stays_between)) break;
      batch.push_back(epoch);
    }
    return batch;
  }

  int64_t most_bytes() const {
    return options_.most_bytes >= 0 ? options_.most_bytes
                                    : static_cast<int64_t>(large_array_bytes(comm().ranks_of_machine()));
  }

  /// All epochs of the batch, or those before the first that cannot be prepared. Throws Error if there are
  /// none of these.
  std::vector<Prepared> prepare(const std::vector<int>& batch, const FittedEpoch* previous) {
    std::vector<Prepared> out;
    std::optional<int> before_number;
    ClassifierSnapshot classifier;
    std::shared_ptr<const PresetState> state;
    bool large = false;  // whether all epochs are, together
    if (previous != nullptr) {
      before_number = previous->number;
      classifier = previous->classifier;
      state = previous->state;
    }
    for (const int number : batch) {
      Prepared now;
      try {
        now.data = load_epoch(run_, sets_, number, options_.seed, before_number, &prepared_epochs_);
        const EpochBefore before{classifier, state.get()};
        now.preparation = preset_->prepare(sets_, now.data, before_number ? &before : nullptr, options_.seed);
        drop_candidates(sets_, now.data);
      } catch (const Error&) {
        // It will be told when that epoch's turn comes, and those before it are not lost. Not where this rank
        // failed alone: the others wait for it.
        if (out.empty() || !comm().failed(number).together) throw;
        break;
      }
      if (batch.size() > 1) {
        before_number = number;
        classifier = classifier_snapshot(sets_, now.data);
        state = now.preparation->state();
        if (out.empty())
          large = (found_bytes(now.data) + now.preparation->large_bytes()) * std::ssize(batch) > most_bytes();
        if (large) {
          now.data_aside = std::make_unique<ScratchFile>(run_.view_folder(options_.view));
          now.preparation_aside = std::make_unique<ScratchFile>(run_.view_folder(options_.view));
          now.preparation->put_aside(*now.preparation_aside);
        }
        put_aside(now.data, now.data_aside.get());
      }
      out.push_back(std::move(now));
    }
    return out;
  }

  void fit_batch(const std::vector<int>& batch) {
    previous_ = nullptr;  // it may be another one from now on
    const FittedEpoch* previous = previous_of(batch.front());
    std::vector<Prepared> epochs = prepare(batch, previous);
    std::vector<Preparation*> preparations;
    std::vector<int> numbers;
    for (const auto& epoch : epochs) {
      preparations.push_back(epoch.preparation.get());
      numbers.push_back(epoch.data.number);
    }
    preset_->settle(preparations, previous);
    const std::vector<int> written = begin_batch(numbers);
    for (size_t e = 0; e < epochs.size(); ++e) {
      if (!std::ranges::binary_search(written, numbers[e])) {
        if (batch.size() > 1) take_back(epochs[e].data, run_, epochs[e].data_aside.get());
        fit_epoch(epochs[e], numbers.size(), epochs.size() - 1 - e);
      }
      epochs[e] = {};
    }
  }

  /// Those of the batch that a killed fit has written: they are not written again. A batch of another size is
  /// another one.
  std::vector<int> begin_batch(const std::vector<int>& batch) {
    std::vector<int> written;
    if (writes() && writer_->batch() == batch) {
      std::ranges::copy_if(batch, std::back_inserter(written), [&](int number) {
        return std::ranges::binary_search(fitted_, number) &&
               view().epoch(number)->json().value("batch", size_t{0}) == batch.size();
      });
    } else if (writes() && batch.size() > 1) {
      writer_->set_batch(batch);
    }
    broadcast(written, 0);
    return written;
  }

  /// Project, paint, measure, find events, write. `batch`: how many epochs were settled together; `more`: how
  /// many of them come after this one.
  void fit_epoch(Prepared& now, size_t batch, size_t more) {
    const Stopwatch watch;
    const EpochData& data = now.data;
    Projection projection = preset_->finish(*now.preparation, data, previous_of(data.number), options_.seed);
    projection.details["batch"] = batch;
    if (following_) projection.details["followed"] = true;
    if (writes()) unite_identical(data.features, projection.positions);
    comm().broadcast(std::as_writable_bytes(projection.positions.mut().span()), 0);
    now.preparation.reset();

    StageSeconds seconds = data.seconds;
    for (const auto& [stage, of_stage] : projection.seconds) seconds[stage] = of_stage;
    Stopwatch stage;
    const Painting painting = painted(data, projection);
    seconds["landscape"] = stage.lap();
    const Measured measured = measure(sets_, data, projection, painting.landscape, painting.extent.shown);
    seconds["measure"] = stage.lap();
    const auto passed = data.boundary.features.view().span();
    std::vector<float> boundary_features = collected(std::vector<float>(passed.begin(), passed.end()));
    const Json job = job_details(comm());
    expect_whole_mappings(0);  // or what this rank computed of zeros would be published
    comm().barrier();
    if (writes()) {
      const Alone alone;
      const std::vector<Event> events = events_with(run_, view(), data, projection);
      seconds["events"] = stage.lap();
      writer_->write(
          {data, projection, painting, measured, std::move(boundary_features), events, seconds, job});
      prepared_epochs_.remove(data.number);
      seconds["write"] = stage.lap();
      extent_ = painting.extent;
      // Everything is looked at anew, so only while somebody waits for it, and at the end.
      if (following_ || more == 0) write_findings();
    }
    if (const auto at = std::ranges::lower_bound(fitted_, data.number);
        at == fitted_.end() || *at != data.number)
      fitted_.insert(at, data.number);
    comm().barrier();  // what others read of the view is written

    say(fmt::format("epoch {}: {}, {}{}", data.number, stage_text(seconds), quality_text(measured.metrics),
                    more > 0 ? fmt::format(" [{} more, about {:.0f} s]", more,
                                           static_cast<double>(more) * watch.seconds())
                             : ""));
    previous_ =
        std::make_unique<FittedEpoch>(fitted_epoch(data, projection, classifier_snapshot(sets_, data)));
  }

  /// The writer paints; of the landscape others need what is measured.
  Painting painted(const EpochData& data, const Projection& projection) const {
    Painting out;
    if (writes()) {
      const Alone alone;
      out = paint(run_, view(), extent_, data, projection);
    }
    broadcast_value(out.extent.shown, 0);
    broadcast_value(out.landscape.size, 0);
    broadcast(out.landscape.classes, 0);
    broadcast(out.landscape.confidence, 0);
    broadcast(out.landscape.margin, 0);
    return out;
  }

  /// What this rank sent and waited for since the epoch before; null in a job of one.
  Json job_details(const Comm& ranks) {
    if (ranks.size() == 1) return Json();
    const Traffic before = std::exchange(told_, ranks.traffic());
    return {{"ranks", ranks.size()},
            {"bytes_sent", told_.bytes - before.bytes},
            {"seconds_in_mpi", told_.seconds - before.seconds},
            {"calls", told_.calls - before.calls}};
  }

  void write_findings() const {
    try {
      dvi::write_findings(run_, view());
    } catch (const Error& error) {
      // The epochs are fitted all the same.
      say(fmt::format("no findings: {}", error.what()));
    }
  }

  const FittedEpoch* previous_of(int number) {
    const auto at = std::ranges::lower_bound(fitted_, number);
    if (at == fitted_.begin()) return nullptr;
    const int earlier = *(at - 1);
    if (!previous_ || previous_->number != earlier)
      previous_ = std::make_unique<FittedEpoch>(load_fitted_epoch(*view().epoch(earlier), sets_, *preset_));
    return previous_.get();
  }

  Run run_;
  FitOptions options_;
  bool following_;  // and not yet at the end of the recording
  SampleSets sets_;
  std::unique_ptr<Preset> preset_;
  PreparedEpochs prepared_epochs_;
  std::optional<ViewWriter> writer_;  // of the rank that writes
  std::vector<int> fitted_;           // epochs
  std::optional<ViewExtent> extent_;
  Traffic told_;  // of the ranks, up to the epoch before
  std::unique_ptr<FittedEpoch> previous_;
};

}  // namespace

void fit_run(const std::filesystem::path& run, const FitOptions& options) {
  if (options.prepare)
    prepare_epochs(run, options);
  else
    Fit(run, options).run();
}

}  // namespace dvi
