#include "query/sample_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "run/delta_boundary.h"

namespace dvi {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Cells ints(std::span<const int32_t> values, std::shared_ptr<const void> keep,
           bool negative_is_missing = false) {
  Cells cells;
  cells.form = Cells::Form::ints;
  cells.data = values.data();
  cells.keep = std::move(keep);
  cells.negative_is_missing = negative_is_missing;
  return cells;
}

Cells bytes(const uint8_t* values, std::shared_ptr<const void> keep) {
  Cells cells;
  cells.form = Cells::Form::bytes;
  cells.data = values;
  cells.keep = std::move(keep);
  return cells;
}

Cells floats(const float* values, std::shared_ptr<const void> keep, Cells::Form form = Cells::Form::floats) {
  Cells cells;
  cells.form = form;
  cells.data = values;
  cells.keep = std::move(keep);
  return cells;
}

Cells agree(std::span<const int32_t> a, std::span<const int32_t> b, std::shared_ptr<const void> keep) {
  Cells cells = ints(a, std::move(keep));
  cells.form = Cells::Form::equal;
  cells.other = b.data();
  return cells;
}

Cells named(Cells cells, const std::vector<std::string>* names) {
  cells.names = names;
  cells.negative_is_missing = true;
  return cells;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

double Cells::number(int64_t i) const {
  const double value = raw(i);
  // Whatever the file holds, only numbers of names leave here: -inf, 1e30 and 2.5 are none.
  if (names != nullptr &&
      !(value >= 0 && value < static_cast<double>(names->size()) && std::trunc(value) == value))
    return missing;
  return value;
}

double Cells::raw(int64_t i) const {
  switch (form) {
    case Form::row:
      return static_cast<double>(i);
    case Form::constant:
      return constant;
    case Form::ints: {
      const int32_t value = static_cast<const int32_t*>(data)[i];
      return negative_is_missing && value < 0 ? missing : value;
    }
    case Form::bytes:
      return static_cast<const uint8_t*>(data)[i];
    case Form::floats:
      return static_cast<const float*>(data)[i];
    case Form::every_second:
      return static_cast<const float*>(data)[2 * i];
    case Form::equal:
      return other[i] < 0 ? missing : static_cast<const int32_t*>(data)[i] == other[i];
    case Form::below_delta:
      return static_cast<const float*>(data)[i] < sample_delta;
  }
  return missing;
}

SampleTable::SampleTable(const Run& run, const View& view) : run_(run), view_(view) {
  for (const Group& group : run.manifest().groups) {
    group_of_.insert(group_of_.end(), static_cast<size_t>(group.count),
                     static_cast<int32_t>(group_names_.size()));
    group_names_.push_back(group.name);
    roles_.push_back(group.role);
  }
  const auto* classes = &run.manifest().classes;
  const auto label_cells = [this] { return ints(run_.labels(), nullptr, true); };

  add({"id", CellType::integer, "number of the sample, from 0"}, [](int) {
    Cells cells;
    cells.form = Cells::Form::row;
    return cells;
  });
  add({"epoch", CellType::integer, "epoch; a condition that does not name it is about one epoch only"},
      [](int epoch) {
        Cells cells;
        cells.constant = epoch;
        return cells;
      });
  add({"group", CellType::text, "name of the sample's group"},
      [this](int) { return named(ints(group_of_, nullptr), &group_names_); });
  add({"role", CellType::text, "role of that group: 'train', 'test', ..."},
      [this](int) { return named(ints(group_of_, nullptr), &roles_); });
  add({"label", CellType::text, "name of the class the sample is labelled with"},
      [=](int) { return named(label_cells(), classes); });
  add({"label_id", CellType::integer, "the same as a number, from 0"}, [=](int) { return label_cells(); });

  const auto of_epoch = [this](ColumnInfo info, auto cells_of) {
    add(std::move(info), [this, cells_of](int number) {
      const auto epoch = view_.epoch(number);
      return cells_of(epoch);
    });
  };
  using Fitted = std::shared_ptr<const ViewEpoch>;
  of_epoch({"prediction", CellType::text, "name of the class the subject model predicts at the epoch"},
           [=](const Fitted& e) { return named(ints(e->predictions(), e), classes); });
  of_epoch({"prediction_id", CellType::integer, "the same as a number"},
           [](const Fitted& e) { return ints(e->predictions(), e); });
  of_epoch({"runner_up", CellType::text, "name of the second most likely class"},
           [=](const Fitted& e) { return named(ints(e->runner_up(), e), classes); });
  of_epoch({"runner_up_id", CellType::integer, "the same as a number"},
           [](const Fitted& e) { return ints(e->runner_up(), e); });
  of_epoch(
      {"correct", CellType::integer, "1 if the prediction is the label, else 0; missing without a label"},
      [this](const Fitted& e) { return agree(e->predictions(), run_.labels(), e); });
  of_epoch({"confidence", CellType::real, "softmax probability of the prediction, 0 to 1"},
           [](const Fitted& e) { return floats(e->confidence().data(), e); });
  of_epoch({"margin", CellType::real, "lead of the prediction over the runner-up, 0 (on the boundary) to 1"},
           [](const Fitted& e) { return floats(e->margin().data(), e); });
  of_epoch({"boundary", CellType::integer, "1 if margin < 0.1, else 0"},
           [](const Fitted& e) { return floats(e->margin().data(), e, Cells::Form::below_delta); });
  of_epoch(
      {"round_trip", CellType::text, "name of the class predicted after projecting and inverse-projecting"},
      [=](const Fitted& e) { return named(ints(e->round_trip(), e), classes); });
  of_epoch(
      {"round_trip_ok", CellType::integer, "1 if that is the prediction, else 0: 0 = the picture lies here"},
      [](const Fitted& e) { return agree(e->predictions(), e->round_trip(), e); });
  of_epoch({"kept", CellType::integer,
            "how many of the nearest neighbours in feature space are so in the plane, 0 to 15"},
           [](const Fitted& e) { return bytes(e->neighbors_kept().data(), e); });
  of_epoch({"moved", CellType::real,
            "how far it was moved after the fit, in shares of the picture's side; missing in older views"},
           [](const Fitted& e) {
             Cells none;
             none.constant = missing;
             return e->moved().empty() ? none : floats(e->moved().data(), e);
           });
  of_epoch({"x", CellType::real, "place in the plane, left to right"},
           [](const Fitted& e) { return floats(e->positions().data(), e, Cells::Form::every_second); });
  of_epoch({"y", CellType::real, "place in the plane, bottom to top"},
           [](const Fitted& e) { return floats(e->positions().data() + 1, e, Cells::Form::every_second); });

  add({"in_training_set", CellType::integer, "1 if the subject model was trained on the sample at the epoch"},
      [this](int epoch) {
        const auto flags = training_set(epoch);
        return bytes(flags->data(), flags);
      });
  add({"newly_selected", CellType::integer, "1 if it was not at the recorded epoch before (active learning)"},
      [this](int epoch) {
        const auto flags = newly_selected(epoch);
        return bytes(flags->data(), flags);
      });
  add({"flips", CellType::integer,
       "how often the prediction changed from one fitted epoch to the next, whole run"},
      [this](int) { return ints(trajectory().flips, nullptr); });
  add({"first_learned", CellType::integer,
       "first epoch at which the prediction was the label; missing if never"},
      [this](int) { return ints(trajectory().first_learned, nullptr, true); });
  add({"last_forgotten", CellType::integer,
       "last epoch at which the prediction stopped being the label; missing if never"},
      [this](int) { return ints(trajectory().last_forgotten, nullptr, true); });
  add({"distance_moved", CellType::real, "length of the sample's path in the plane, whole run"},
      [this](int) { return floats(trajectory().distance_moved.data(), nullptr); });
  add_recorded_columns();
}

void SampleTable::add(ColumnInfo info, Source source) {
  columns_.push_back(std::move(info));
  sources_.push_back(std::move(source));
}

const std::vector<std::string>* SampleTable::categories(const std::string& column) {
  const Json spec = run_.manifest().columns.value(column, Json());
  if (!spec.is_object() || !spec.contains("categories") || !spec["categories"].is_array()) return nullptr;
  std::vector<std::string> names;
  for (const Json& name : spec["categories"])
    names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  return &(categories_[column] = std::move(names));
}

void SampleTable::add_recorded_columns() {
  const auto known = [this](const std::string& name) {
    return std::any_of(columns_.begin(), columns_.end(),
                       [&](auto& c) { return lower(c.name) == lower(name); });
  };
  const auto add_column = [&](const std::string& name, const std::string& where, auto file_of) {
    // A recorded column of a name that is taken is to be had as recorded_NAME.
    const std::string shown = known(name) ? "recorded_" + name : name;
    if (known(shown)) return;
    const auto* names = categories(name);
    const Source source = [this, file_of, count = names ? names->size() : 0](int epoch) {
      return file_cells(file_of(epoch), count);
    };
    if (names != nullptr) {
      add({shown, CellType::text, "recorded column, " + where},
          [=](int epoch) { return named(source(epoch), names); });
      if (!known(shown + "_id")) add({shown + "_id", CellType::integer, "the same as a number"}, source);
    } else {
      add({shown, CellType::real, "recorded column, " + where}, source);
    }
  };
  for (const auto& name : run_.column_names())
    add_column(name, "one value a sample",
               [file = run_.folder() / "columns" / (name + ".npy")](int) { return file; });
  std::vector<std::string> by_epoch;
  for (const int number : run_.epoch_numbers())
    for (auto& name : run_.epoch(number).column_names()) by_epoch.push_back(std::move(name));
  std::sort(by_epoch.begin(), by_epoch.end());
  by_epoch.erase(std::unique(by_epoch.begin(), by_epoch.end()), by_epoch.end());
  for (const auto& name : by_epoch)
    add_column(name, "a value at each epoch", [this, name](int epoch) {
      return run_.folder() / "epochs" / epoch_folder_name(epoch) / "columns" / (name + ".npy");
    });
}

Cells SampleTable::file_cells(const std::filesystem::path& file, size_t categories) const {
  Cells none;
  none.constant = missing;
  if (!std::filesystem::exists(file)) return none;  // not recorded at this epoch
  auto array = std::make_shared<NpyArray>(NpyArray::open(file));
  array->expect_shape({samples()});
  if (categories > 0) {
    const auto values = array->to_floats();
    for (size_t i = 0; i < values.size(); ++i)
      if (const float v = values[i];
          !std::isnan(v) && !(v >= -1 && v < static_cast<float>(categories) && std::trunc(v) == v))
        fail(
            "{}: expected whole numbers from 0 to {}, one for each of its \"categories\" in run.json, or -1 "
            "for none, "
            "found {} for sample {}",
            file.string(), categories - 1, v, i);
  }
  if (array->dtype() == DType::f32) return floats(array->as<float>().data(), array);
  if (array->dtype() == DType::i32) return ints(array->as<int32_t>(), array);
  if (array->dtype() == DType::u8) return bytes(array->as<uint8_t>().data(), array);
  auto converted = std::make_shared<const std::vector<float>>(array->to_floats());
  return floats(converted->data(), converted);
}

int SampleTable::last_epoch() const {
  if (epochs().empty())
    fail("view \"{}\": expected a fitted epoch to ask about, found none yet; wait for 'dvi fit'",
         view_.name());
  return epochs().back();
}

Cells SampleTable::cells(size_t column, int epoch) const { return sources_[column](epoch); }

const Trajectory& SampleTable::trajectory() const {
  const std::lock_guard lock(mutex_);
  if (!trajectory_) trajectory_ = std::make_unique<const Trajectory>(trace(view_, run_.labels()));
  return *trajectory_;
}

std::shared_ptr<const std::vector<uint8_t>> SampleTable::training_set(int epoch) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = training_sets_.find(epoch); known != training_sets_.end()) return known->second;
  }
  const auto recorded = run_.epoch(epoch).training_set();
  auto flags = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(samples()), uint8_t{0});
  for (const int32_t id : recorded ? *recorded : run_.manifest().ids_of_role("train"))
    (*flags)[static_cast<size_t>(id)] = 1;
  const std::lock_guard lock(mutex_);
  return training_sets_[epoch] = std::move(flags);
}

std::shared_ptr<const std::vector<uint8_t>> SampleTable::newly_selected(int epoch) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = newly_selected_.find(epoch); known != newly_selected_.end()) return known->second;
  }
  const auto recorded = run_.epoch_numbers();
  const auto here = std::lower_bound(recorded.begin(), recorded.end(), epoch);
  auto flags = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(samples()), uint8_t{0});
  if (here != recorded.begin()) {
    const auto now = training_set(epoch), before = training_set(*(here - 1));
    for (size_t i = 0; i < flags->size(); ++i) (*flags)[i] = (*now)[i] && !(*before)[i];
  }
  const std::lock_guard lock(mutex_);
  return newly_selected_[epoch] = std::move(flags);
}

}  // namespace dvi
