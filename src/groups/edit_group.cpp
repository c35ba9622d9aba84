#include "groups/edit_group.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "groups/new_rows.h"
#include "groups/run_copy.h"
#include "metrics/events.h"
#include "run/csv.h"
#include "subject/subject_model.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

Run open_for_change(const fs::path& folder) {
  Run run = Run::open(fs::canonical(folder));
  if (!run.finished())
    fail(
        "{}: expected a run whose recording has ended, found one that may still grow; wait for its end, or, "
        "where it was stopped, write \"finished\": true into its run.json",
        run.folder().string());
  return run;
}

/// A line for each new sample behind a text's lines.
void append_lines(const fs::path& from, const std::string& line, int64_t count, const fs::path& to) {
  std::string text = read_file(from);
  if (!text.empty() && text.back() != '\n') text += '\n';
  for (int64_t i = 0; i < count; ++i) text += line + '\n';
  write_file_atomically(to, text);
}

class Addition {
 public:
  Addition(const Run& run, const NewGroup& group, const std::function<void(int64_t)>& on_epoch)
      : run_(run), group_(group), count_(group.samples.size()), begin_(run.manifest().sample_count()) {
    check();
    const auto epochs = run.epoch_numbers();
    for (const int epoch : epochs) {
      recorded_[epoch] = recorded_rows(run, run.epoch(epoch), group.samples);
      const Matrix& features = recorded_[epoch].values.at("features.npy");
      for (const auto& name : run.view_names()) {
        const View view = View::open(run, name);
        if (view.has_epoch(epoch)) views_[name][epoch] = view_rows_of(run, view, epoch, features, begin_);
      }
      if (on_epoch) on_epoch(std::ssize(epochs));
    }
  }

  bool write(const fs::path& path, const fs::path& from, const fs::path& to) const {
    switch (sample_file(path)) {
      case SampleFile::rows:
        write_rows(path, NpyArray::open(from), to);
        return true;
      case SampleFile::column: {
        // NaN is no value; only floats can say so.
        std::vector<float> values = NpyArray::open(from).to_floats();
        values.insert(values.end(), static_cast<size_t>(count_), NAN);
        write_npy(to, values);
        return true;
      }
      case SampleFile::lines: {
        std::string line;
        if (path == "rows.csv")
          for (size_t c = 1; c < run_.rows().front().size(); ++c) line += ',';
        append_lines(from, line, count_, to);
        return true;
      }
      case SampleFile::other:
        if (path == "run.json") {
          Json json = read_json(from);
          json["groups"].push_back({{"name", group_.name},
                                    {"role", group_.role},
                                    {"begin", begin_},
                                    {"count", count_},
                                    {"added", true}});
          write_json(to, json);
          return true;
        }
        if (path.filename() == "events.npy") {
          write_events(to, events_of(path.parent_path().filename().string()));
          return true;
        }
        return false;
      default:
        return false;
    }
  }

 private:
  void check() const {
    const Manifest& manifest = run_.manifest();
    if (!is_plain_name(group_.name))
      fail("group \"{}\": expected a name without slashes that does not begin with a dot", group_.name);
    for (const Group& other : manifest.groups)
      if (other.name == group_.name)
        fail("group \"{}\": expected a new name, found a group of that name in the run; choose another",
             group_.name);
    if (group_.role == "train")
      fail("group \"{}\": expected a role other than train, because views were fitted on the train samples",
           group_.name);
    if (!group_.labels.empty() && std::ssize(group_.labels) != count_)
      fail("group \"{}\": expected {} labels, found {}", group_.name, count_, group_.labels.size());
    if (run_.inputs() && group_.samples.kind != SampleKind::inputs)
      fail("group \"{}\": expected inputs, because the run holds inputs, found features", group_.name);
    if (group_.samples.kind == SampleKind::features && run_.epoch_numbers().size() > 1)
      fail(
          "group \"{}\": expected inputs, found features, which belong to one epoch, and the run has {}; "
          "only a "
          "run of one epoch takes them",
          group_.name, run_.epoch_numbers().size());
  }

  const NewRows& rows_of(const fs::path& path) const {
    std::vector<std::string> parts;
    for (const auto& part : path) parts.push_back(part.string());
    if (parts[0] == "views") return views_.at(parts[1]).at(*epoch_of_folder(parts[3]));
    return recorded_.at(*epoch_of_folder(parts[1]));
  }

  void write_rows(const fs::path& path, const NpyArray& array, const fs::path& to) const {
    const std::string name = path.filename().string();
    if (name == "labels.npy") {
      std::vector<float> labels(group_.labels.begin(), group_.labels.end());
      labels.resize(static_cast<size_t>(count_), -1);
      return append_rows(array, in_dtype(array.dtype(), labels), count_, to);
    }
    if (name == "inputs.npy")
      return append_rows(array, in_dtype(array.dtype(), group_.samples.values.view().span()), count_, to);
    const NewRows& rows = rows_of(path);
    if (const auto ids = rows.ids.find(name); ids != rows.ids.end())
      return append_rows(array, std::as_bytes(std::span(ids->second)), count_, to);
    append_rows(array, in_dtype(array.dtype(), rows.values.at(name).view().span()), count_, to);
  }

  /// The view's events and those of the new samples, which count as big moves what is one among all samples.
  std::vector<Event> events_of(const std::string& name) const {
    const View view = View::open(run_, name);
    std::vector<Event> events = view.events();
    std::vector<int32_t> labels = run_.labels();
    labels.insert(labels.end(), group_.labels.begin(), group_.labels.end());
    labels.resize(static_cast<size_t>(begin_ + count_), -1);
    struct State {
      std::vector<int32_t> predictions;
      std::vector<float> confidence;
      Matrix positions;
      EventState at(int epoch) const { return {epoch, predictions, confidence, positions}; }
    };
    const auto state_at = [&](int number) {
      const auto epoch = view.epoch(number);
      const auto& rows = views_.at(name).at(number).values;
      State state{{epoch->predictions().begin(), epoch->predictions().end()},
                  {epoch->confidence().begin(), epoch->confidence().end()},
                  Matrix(begin_ + count_, 2)};
      for (const float p : rows.at("predictions.npy").view().span())
        state.predictions.push_back(static_cast<int32_t>(p));
      for (const float c : rows.at("confidence.npy").view().span()) state.confidence.push_back(c);
      std::ranges::copy(epoch->positions(), state.positions.data());
      std::ranges::copy(rows.at("positions.npy").view().span(), state.positions.row(begin_));
      return state;
    };
    const auto& epochs = view.epoch_numbers();
    for (size_t e = 1; e < epochs.size(); ++e) {
      const Epoch epoch = run_.epoch(epochs[e]);
      const auto subject = open_subject(run_, epoch);
      const RecordedRows old = epoch_logits(epoch, epoch.mapped_features(), *subject);
      Matrix logits(begin_ + count_, old.cols());
      std::ranges::copy(old.view().span(), logits.data());
      std::ranges::copy(recorded_.at(epochs[e]).values.at("logits.npy").view().span(), logits.row(begin_));
      const State before = state_at(epochs[e - 1]), after = state_at(epochs[e]);
      for (const Event& event : find_events(before.at(epochs[e - 1]), after.at(epochs[e]), logits, labels))
        if (event.sample >= begin_) events.push_back(event);
    }
    std::ranges::sort(events, {}, [](const Event& e) { return std::tuple(e.epoch, e.kind, e.sample); });
    return events;
  }

  const Run& run_;
  const NewGroup& group_;
  int64_t count_, begin_;
  std::map<int, NewRows> recorded_;
  std::map<std::string, std::map<int, NewRows>> views_;
};

class Removal {
 public:
  Removal(const Run& run, const std::string& name) : run_(run) {
    const Json groups = read_json(run.folder() / "run.json").at("groups");
    for (size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].at("name") != name) continue;
      if (!groups[g].value("added", false))
        fail("group \"{}\": expected one that 'dvi add' added, found one that the run recorded", name);
      group_ = run.manifest().groups[g];
      return;
    }
    fail("group \"{}\": expected a group of {}, found none of that name", name, run.folder().string());
  }

  bool write(const fs::path& path, const fs::path& from, const fs::path& to) const {
    switch (sample_file(path)) {
      case SampleFile::rows:
        if (path.filename() == "neighbors.npy" || path.filename() == "plane_neighbors.npy")
          write_lists(NpyArray::open(from), to);
        else
          drop_rows(NpyArray::open(from), group_.begin, group_.count, to);
        return true;
      case SampleFile::column:
        drop_rows(NpyArray::open(from), group_.begin, group_.count, to);
        return true;
      case SampleFile::ids: {
        std::vector<int32_t> ids;
        for (const int32_t id : NpyArray::open(from).to_ints())
          if (const auto now = moved(id)) ids.push_back(*now);
        write_npy(to, ids);
        return true;
      }
      case SampleFile::lines:
        write_lines(from, path == "rows.csv" ? 1 : 0, to);
        return true;
      case SampleFile::other:
        return write_other(path, from, to);
      default:
        return false;
    }
  }

 private:
  /// The id that a sample has afterwards; nothing for the group's own.
  std::optional<int32_t> moved(int64_t id) const {
    if (id < group_.begin) return static_cast<int32_t>(id);
    if (id < group_.end()) return std::nullopt;
    return static_cast<int32_t>(id - group_.count);
  }

  /// Lists of other samples never hold one of the group.
  void write_lists(const NpyArray& array, const fs::path& to) const {
    const int64_t k = array.row_size();
    const auto all = array.as<int32_t>();
    std::vector<int32_t> lists;
    for (int64_t i = 0; i < array.rows(); ++i)
      if (moved(i))
        for (int64_t r = 0; r < k; ++r)
          lists.push_back(moved(all[static_cast<size_t>(i * k + r)]).value_or(0));
    array.expect_whole();
    const int64_t shape[] = {array.rows() - group_.count, k};
    write_npy(to, shape, std::span<const int32_t>(lists));
  }

  void write_lines(const fs::path& from, int64_t head, const fs::path& to) const {
    const std::string text = read_file(from);
    std::string out;
    size_t begin = 0;
    for (int64_t line = 0; begin < text.size(); ++line) {
      const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      if (line - head < group_.begin || line - head >= group_.end()) out += text.substr(begin, end - begin);
      begin = end;
    }
    write_file_atomically(to, out);
  }

  bool write_other(const fs::path& path, const fs::path& from, const fs::path& to) const {
    if (path == "run.json") {
      Json json = read_json(from), groups = Json::array();
      for (Json& group : json.at("groups")) {
        if (group.at("name") == group_.name) continue;
        if (group.at("begin") > group_.begin)
          group["begin"] = group.at("begin").get<int64_t>() - group_.count;
        groups.push_back(group);
      }
      json["groups"] = groups;
      write_json(to, json);
      return true;
    }
    if (path.filename() == "events.npy") {
      std::vector<Event> events;
      for (Event event : read_events(from))
        if (const auto now = moved(event.sample)) {
          event.sample = *now;
          events.push_back(event);
        }
      write_events(to, events);
      return true;
    }
    if (path.extension() != ".json") return false;
    Json selection;
    try {
      selection = read_json(from);
    } catch (const Error&) {
      return false;  // somebody else's file
    }
    if (!selection.is_object() || !selection.contains("ids") || !selection["ids"].is_array()) return false;
    Json ids = Json::array();
    for (const Json& id : selection["ids"])
      if (!id.is_number_integer())
        return false;
      else if (const auto now = moved(id.get<int64_t>()))
        ids.push_back(*now);
    selection["ids"] = ids;
    write_json(to, selection);
    return true;
  }

  const Run& run_;
  Group group_;
};

}  // namespace

std::vector<int32_t> read_labels(const Run& run, const fs::path& file, int64_t count) {
  const auto& classes = run.manifest().classes;
  std::vector<int32_t> labels;
  if (file.extension() == ".npy") {
    labels = NpyArray::open(file).to_ints();
  } else {
    std::string text = read_file(file);
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      int32_t number = -1;
      const auto name = std::ranges::find(classes, line);
      if (name != classes.end())
        number = static_cast<int32_t>(name - classes.begin());
      else if (const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), number);
               !line.empty() && (error != std::errc() || stop != line.data() + line.size()))
        fail("{}: expected a class or its number in every line, found \"{}\" in line {}", file.string(),
             line.substr(0, 40), labels.size() + 1);
      labels.push_back(number);
    }
  }
  if (std::ssize(labels) != count)
    fail("{}: expected a label for each of the {} samples, found {}", file.string(), count, labels.size());
  for (const int32_t label : labels)
    if (label < -1 || label >= run.manifest().class_count())
      fail("{}: expected labels from 0 to {} (or -1 for none), found {}", file.string(),
           run.manifest().class_count() - 1, label);
  return labels;
}

void add_group(const fs::path& folder, const NewGroup& group, const std::function<void(int64_t)>& on_epoch) {
  const Run run = open_for_change(folder);
  const ViewLocks locks(run);
  UnfinishedFolder changed(run.folder());
  const Addition addition(run, group, on_epoch);
  copy_run(run.folder(), changed.path(), [&](const auto& path, const auto& from, const auto& to) {
    return addition.write(path, from, to);
  });
  changed.finish();
}

void remove_group(const fs::path& folder, const std::string& name) {
  const Run run = open_for_change(folder);
  const ViewLocks locks(run);
  const Removal removal(run, name);
  UnfinishedFolder changed(run.folder());
  copy_run(run.folder(), changed.path(),
           [&](const auto& path, const auto& from, const auto& to) { return removal.write(path, from, to); });
  changed.finish();
}

}  // namespace dvi
