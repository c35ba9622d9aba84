#include "server/served_runs.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/file.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

}  // namespace

const SampleTable& ServedView::table() const {
  const std::lock_guard lock(mutex_);
  if (!table_) table_ = std::make_unique<const SampleTable>(*run_, view);
  return *table_;
}

std::optional<Extent> ServedView::frame() const {
  const std::lock_guard lock(mutex_);
  if (!frame_)
    for (const int number : view.epoch_numbers()) {
      const auto positions = view.epoch(number)->positions();
      const Extent one = frame_of({positions.data(), static_cast<int64_t>(positions.size() / 2), 2});
      frame_ = frame_ ? united(*frame_, one) : one;
    }
  return frame_;
}

const SuspectRanking& ServedView::suspects() const {
  const std::lock_guard lock(mutex_);
  if (!suspects_) suspects_ = std::make_unique<const SuspectRanking>(*run_, view);
  return *suspects_;
}

std::shared_ptr<const ServedView> ServedRun::view(const std::string& name) {
  if (!is_plain_name(name)) fail("view \"{}\": expected the name of a view", name);
  const fs::path folder = run_->view_folder(name);
  const std::string version = file_version(folder / "view.json") + file_version(folder / "events.npy");
  std::shared_ptr<const ServedView> earlier;
  {
    const std::lock_guard lock(mutex_);
    const Dated& dated = views_[name];
    if (dated.view && dated.version == version) return dated.view;
    earlier = dated.view;
  }
  auto served =
      std::make_shared<const ServedView>(run_, View::open(*run_, name, earlier ? &earlier->view : nullptr));
  // Another run may have been put here while its view was read.
  if (Run::version(run_->folder()) != version_)
    fail("{}: another run was put here meanwhile; ask again", run_->folder().string());
  const std::lock_guard lock(mutex_);
  views_[name] = {version, served};
  return served;
}

std::shared_ptr<const InputReader> ServedRun::inputs(std::optional<int> epoch) {
  if (epoch) return std::make_shared<const InputReader>(*run_, run_->epoch(*epoch));
  const std::lock_guard lock(mutex_);
  if (!inputs_) inputs_ = std::make_shared<const InputReader>(*run_);
  return inputs_;
}

std::optional<std::string> ServedRun::text(int64_t sample) {
  const std::lock_guard lock(mutex_);
  if (!texts_) texts_ = run_->texts();
  if (texts_->empty()) return std::nullopt;
  return texts_->at(static_cast<size_t>(sample));
}

std::vector<std::pair<std::string, std::string>> ServedRun::row(int64_t sample) {
  const std::lock_guard lock(mutex_);
  if (!rows_) rows_ = run_->rows();
  std::vector<std::pair<std::string, std::string>> cells;
  if (rows_->empty()) return cells;
  const auto& names = rows_->front();
  const auto& values = rows_->at(static_cast<size_t>(sample) + 1);
  for (size_t i = 0; i < names.size(); ++i) cells.emplace_back(names[i], values[i]);
  return cells;
}

ServedRun::Range ServedRun::column_range(const std::string& name, bool per_epoch) {
  const auto epochs = per_epoch ? run_->epoch_numbers() : std::vector<int>();
  const auto key = std::make_pair(name, epochs.size());
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = ranges_.find(key); known != ranges_.end()) return known->second;
  }
  Range range{INFINITY, -INFINITY, true};
  const auto look = [&](const std::vector<float>& values) {
    for (const float value : values) {
      if (!std::isfinite(value)) continue;
      range.min = std::min(range.min, value);
      range.max = std::max(range.max, value);
      range.yes_no = range.yes_no && (value == 0 || value == 1);
    }
  };
  if (per_epoch) {
    for (const int number : epochs) {
      std::optional<Epoch> epoch;
      try {
        epoch = run_->epoch(number);
      } catch (const Error&) {
        continue;  // an epoch that cannot be read has no values; who lists the epochs says why
      }
      if (const auto values = epoch->column(name)) look(*values);
    }
  } else {
    look(run_->column(name));
  }
  if (range.min > range.max) range = {};
  const std::lock_guard lock(mutex_);
  return ranges_[key] = range;
}

void ServedRun::with_subject(int epoch, const std::function<void(SubjectModel&)>& use) {
  const std::lock_guard lock(subject_mutex_);
  if (!subject_ || subject_epoch_ != epoch) {
    subject_ = nullptr;
    subject_ = open_subject(*run_, run_->epoch(epoch));
    subject_epoch_ = epoch;
  }
  use(*subject_);
}

ServedRuns::ServedRuns(const std::vector<fs::path>& folders) {
  for (const auto& folder : folders) {
    runs_.push_back(std::make_unique<Place>());
    runs_.back()->folder = folder;
    at(runs_.size() - 1);
  }
}

std::string ServedRuns::version() const {
  std::string all;
  for (const auto& place : runs_) all += Run::version(place->folder) + "\n";
  return all;
}

std::shared_ptr<ServedRun> ServedRuns::at(size_t id) {
  Place& place = *runs_[id];
  const std::lock_guard lock(place.mutex);
  // Taken before the run is opened: what changes meanwhile is noticed the next time.
  const std::string version = Run::version(place.folder);
  if (place.run && place.run->version() == version) return place.run;
  place.run = nullptr;
  return place.run = std::make_shared<ServedRun>(static_cast<int>(id), Run::open(place.folder), version);
}

}  // namespace dvi
