#include "query/virtual_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "causes/causes.h"
#include "core/error.h"
#include "core/sentence.h"
#include "query/condition.h"
#include "query/text_functions.h"

namespace dvi {
namespace {

/// What the table is made of.
struct Source {
  const SampleTable& samples;
  const Deadline& deadline;
};

struct Table : sqlite3_vtab {
  const SampleTable* samples;
  const Deadline* deadline;
};

/// Ends the statement that is being run.
struct Interrupted : std::exception {};

/// One comparison that rows must pass.
struct Filter {
  size_t column;
  int op;
  double value = 0;            // numbers
  std::vector<bool> accepted;  // texts: by number of the name
};

struct Cursor : sqlite3_vtab_cursor {
  const SampleTable* samples;
  const Deadline* deadline;
  std::vector<Filter> filters;
  std::vector<int> epochs;
  size_t epoch_at = 0;
  int64_t row = 0;
  // Of the current epoch; opened when first needed.
  std::vector<std::optional<Cells>> cells;

  const Cells& column(size_t c) {
    if (!cells[c]) cells[c] = samples->cells(c, epochs[epoch_at]);
    return *cells[c];
  }
  bool passes(const Filter& filter) {
    const double number = column(filter.column).number(row);
    if (std::isnan(number)) return false;
    if (!filter.accepted.empty())
      return number < static_cast<double>(filter.accepted.size()) &&
             filter.accepted[static_cast<size_t>(number)];
    switch (filter.op) {
      case SQLITE_INDEX_CONSTRAINT_EQ:
        return number == filter.value;
      case SQLITE_INDEX_CONSTRAINT_GT:
        return number > filter.value;
      case SQLITE_INDEX_CONSTRAINT_GE:
        return number >= filter.value;
      case SQLITE_INDEX_CONSTRAINT_LT:
        return number < filter.value;
      default:
        return number <= filter.value;
    }
  }
  /// From the current row on, to the first that passes all filters, or the end.
  void settle() {
    while (epoch_at < epochs.size()) {
      for (; row < samples->samples(); ++row) {
        if (row % 4096 == 0 && deadline->passed()) throw Interrupted();
        if (std::all_of(filters.begin(), filters.end(), [&](const Filter& f) { return passes(f); })) return;
      }
      ++epoch_at;
      row = 0;
      std::fill(cells.begin(), cells.end(), std::nullopt);
    }
  }
};

/// What `action` throws becomes an error of SQLite.
template <typename Action>
int guarded(sqlite3_vtab* table, Action action) {
  try {
    action();
    return SQLITE_OK;
  } catch (const Interrupted&) {
    return SQLITE_INTERRUPT;
  } catch (const std::exception& error) {
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", sentence_of(error).c_str());
    return SQLITE_ERROR;
  }
}

int connect(sqlite3* db, void* data, int, const char* const*, sqlite3_vtab** out, char** message) {
  const auto* source = static_cast<const Source*>(data);
  const auto* table = &source->samples;
  std::string schema = "CREATE TABLE samples(";
  for (const ColumnInfo& column : table->columns()) {
    std::string quoted;
    for (const char c : column.name) quoted += c == '"' ? "\"\"" : std::string(1, c);
    schema += (schema.back() == '(' ? "\"" : ", \"") + quoted + "\"" +
              (column.type == CellType::text   ? " TEXT"
               : column.type == CellType::real ? " REAL"
                                               : " INTEGER");
  }
  const int status = sqlite3_declare_vtab(db, (schema + ")").c_str());
  if (status != SQLITE_OK) {
    *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    return status;
  }
  sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
  auto* made = new Table{};
  made->samples = table;
  made->deadline = &source->deadline;
  *out = made;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

// The plan is written down as "COLUMN:OP;" for each comparison taken over; SQLite hands their values to
// filter().
int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  const SampleTable& samples = *static_cast<Table*>(vtab)->samples;
  double rows = static_cast<double>(samples.samples()) *
                static_cast<double>(std::max<size_t>(1, samples.epochs().size()));
  std::string plan;
  int arguments = 0;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (!constraint.usable || constraint.iColumn < 0) continue;
    const bool equal = constraint.op == SQLITE_INDEX_CONSTRAINT_EQ;
    const bool range =
        constraint.op == SQLITE_INDEX_CONSTRAINT_GT || constraint.op == SQLITE_INDEX_CONSTRAINT_GE ||
        constraint.op == SQLITE_INDEX_CONSTRAINT_LT || constraint.op == SQLITE_INDEX_CONSTRAINT_LE;
    const auto column = static_cast<size_t>(constraint.iColumn);
    const bool text = samples.columns()[column].type == CellType::text;
    if (!(equal || (range && !text))) continue;
    if (text && std::strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0) continue;
    info->aConstraintUsage[i].argvIndex = ++arguments;
    plan += fmt::format("{}:{};", column, static_cast<int>(constraint.op));
    rows *= column == SampleTable::epoch_column && equal
                ? 1.0 / std::max<double>(1, static_cast<double>(samples.epochs().size()))
                : 0.5;
  }
  info->idxStr = sqlite3_mprintf("%s", plan.c_str());
  info->needToFreeIdxStr = 1;
  info->estimatedCost = std::max(1.0, rows);
  info->estimatedRows = static_cast<sqlite3_int64>(std::max(1.0, rows));
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab* table, sqlite3_vtab_cursor** out) {
  auto* cursor = new Cursor{};
  cursor->samples = static_cast<Table*>(table)->samples;
  cursor->deadline = static_cast<Table*>(table)->deadline;
  *out = cursor;
  return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

/// The comparison with `value`, unless it is of a kind that SQLite should judge alone.
std::optional<Filter> make_filter(const SampleTable& samples, size_t column, int op, sqlite3_value* value) {
  const ColumnInfo& info = samples.columns()[column];
  Filter filter{column, op, 0, {}};
  const int type = sqlite3_value_type(value);
  if (info.type != CellType::text) {
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return std::nullopt;
    filter.value = sqlite3_value_double(value);
    return filter;
  }
  if (type != SQLITE_TEXT) return std::nullopt;
  const std::string wanted = reinterpret_cast<const char*>(sqlite3_value_text(value));
  const auto* names = samples.cells(column, samples.last_epoch()).names;
  for (const std::string& name : *names) filter.accepted.push_back(name == wanted);
  if (std::find(filter.accepted.begin(), filter.accepted.end(), true) == filter.accepted.end()) {
    const std::string near = closest(wanted, *names);
    std::string known;
    for (size_t i = 0; i < names->size() && i < 12; ++i) known += (i ? ", '" : "'") + (*names)[i] + "'";
    fail("there is no {} '{}'; {}", info.name, wanted,
         !near.empty() ? "did you mean '" + near + "'?"
                       : "it can be " + known + (names->size() > 12 ? ", ..." : ""));
  }
  return filter;
}

int filter(sqlite3_vtab_cursor* base, int, const char* plan, int count, sqlite3_value** values) {
  auto& cursor = *static_cast<Cursor*>(base);
  return guarded(base->pVtab, [&] {
    cursor.filters.clear();
    cursor.epochs = cursor.samples->epochs();
    for (int i = 0; i < count; ++i) {
      char* end = nullptr;
      const auto column = std::strtoul(plan, &end, 10);
      const auto op = static_cast<int>(std::strtol(end + 1, &end, 10));
      plan = end + 1;
      auto made = make_filter(*cursor.samples, column, op, values[i]);
      if (!made) continue;
      if (column != SampleTable::epoch_column) {
        cursor.filters.push_back(std::move(*made));
        continue;
      }
      std::erase_if(cursor.epochs, [&](int epoch) {
        switch (op) {
          case SQLITE_INDEX_CONSTRAINT_EQ:
            return epoch != made->value;
          case SQLITE_INDEX_CONSTRAINT_GT:
            return epoch <= made->value;
          case SQLITE_INDEX_CONSTRAINT_GE:
            return epoch < made->value;
          case SQLITE_INDEX_CONSTRAINT_LT:
            return epoch >= made->value;
          default:
            return epoch > made->value;
        }
      });
    }
    cursor.epoch_at = 0;
    cursor.row = 0;
    cursor.cells.assign(cursor.samples->columns().size(), std::nullopt);
    cursor.settle();
  });
}

int next(sqlite3_vtab_cursor* base) {
  auto& cursor = *static_cast<Cursor*>(base);
  return guarded(base->pVtab, [&] {
    ++cursor.row;
    cursor.settle();
  });
}

int at_end(sqlite3_vtab_cursor* base) {
  const auto& cursor = *static_cast<Cursor*>(base);
  return cursor.epoch_at >= cursor.epochs.size();
}

void give(sqlite3_context* context, CellType type, const Cells& cells, double number) {
  if (std::isnan(number)) return sqlite3_result_null(context);
  if (type == CellType::real) return sqlite3_result_double(context, number);
  // A recorded column may hold numbers that are no whole ones of 64 bits.
  if (std::abs(number) >= 9e18) return sqlite3_result_double(context, number);
  const auto whole = static_cast<sqlite3_int64>(number);
  if (type == CellType::integer) return sqlite3_result_int64(context, whole);
  if (whole < 0 || whole >= static_cast<sqlite3_int64>(cells.names->size()))
    return sqlite3_result_null(context);
  const std::string& name = cells.names->at(static_cast<size_t>(whole));
  sqlite3_result_text(context, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int c) {
  auto& cursor = *static_cast<Cursor*>(base);
  return guarded(base->pVtab, [&] {
    const Cells& cells = cursor.column(static_cast<size_t>(c));
    give(context, cursor.samples->columns()[static_cast<size_t>(c)].type, cells, cells.number(cursor.row));
  });
}

int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* id) {
  const auto& cursor = *static_cast<Cursor*>(base);
  *id = static_cast<sqlite3_int64>(cursor.epoch_at) * cursor.samples->samples() + cursor.row;
  return SQLITE_OK;
}

constexpr sqlite3_module make_module() {
  sqlite3_module module{};
  module.xConnect =
      connect;  // without xCreate the table is there from the start, and cannot be made or dropped
  module.xDisconnect = disconnect;
  module.xDestroy = disconnect;
  module.xBestIndex = best_index;
  module.xOpen = open_cursor;
  module.xClose = close_cursor;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = at_end;
  module.xColumn = column;
  module.xRowid = row_id;
  return module;
}
constexpr sqlite3_module module = make_module();

/// The sample and the epochs that a history function was given, or an error in `context`.
struct HistoryCall {
  const SampleTable& samples;
  size_t id = 0;
  std::shared_ptr<const ViewEpoch> epochs[2];
  bool whole = true;  ///< no argument is missing (NULL)

  HistoryCall(sqlite3_context* context, int count, sqlite3_value** values)
      : samples(*static_cast<const SampleTable*>(sqlite3_user_data(context))) {
    for (int i = 0; i < count; ++i) {
      const int type = sqlite3_value_type(values[i]);
      if (type == SQLITE_NULL) whole = false;
      if (type != SQLITE_INTEGER && type != SQLITE_NULL)
        fail("epochs are whole numbers, as in prediction_at(8)");
    }
    if (!whole) return;
    const sqlite3_int64 sample = sqlite3_value_int64(values[0]);
    if (sample < 0 || sample >= samples.samples()) fail("there is no sample {}", sample);
    id = static_cast<size_t>(sample);
    for (int i = 1; i < count; ++i) {
      const sqlite3_int64 epoch = sqlite3_value_int64(values[i]);
      if (epoch < 0 || epoch > 999999 || !samples.view().has_epoch(static_cast<int>(epoch)))
        fail("epoch {} is not fitted in this view", epoch);
      epochs[i - 1] = samples.view().epoch(static_cast<int>(epoch));
    }
  }
  const std::vector<std::string>& classes() const { return samples.classes(); }
};

template <typename Answer>
void answer_history(sqlite3_context* context, int count, sqlite3_value** values, Answer answer) {
  try {
    const HistoryCall call(context, count, values);
    if (!call.whole) return sqlite3_result_null(context);
    answer(call);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, sentence_of(error).c_str(), -1);
  }
}

void prediction_at(sqlite3_context* context, int count, sqlite3_value** values) {
  answer_history(context, count, values, [&](const HistoryCall& call) {
    const auto c = static_cast<size_t>(call.epochs[0]->predictions()[call.id]);
    sqlite3_result_text(context, call.classes().at(c).c_str(), -1, SQLITE_STATIC);
  });
}

void correct_at(sqlite3_context* context, int count, sqlite3_value** values) {
  answer_history(context, count, values, [&](const HistoryCall& call) {
    const int32_t label = call.samples.labels()[call.id];
    if (label < 0) return sqlite3_result_null(context);
    sqlite3_result_int(context, call.epochs[0]->predictions()[call.id] == label);
  });
}

void confidence_at(sqlite3_context* context, int count, sqlite3_value** values) {
  answer_history(context, count, values, [&](const HistoryCall& call) {
    sqlite3_result_double(context, call.epochs[0]->confidence()[call.id]);
  });
}

void crossed(sqlite3_context* context, int count, sqlite3_value** values) {
  answer_history(context, count, values, [&](const HistoryCall& call) {
    sqlite3_result_int(context,
                       call.epochs[0]->predictions()[call.id] != call.epochs[1]->predictions()[call.id]);
  });
}

void moved(sqlite3_context* context, int count, sqlite3_value** values) {
  answer_history(context, count, values, [&](const HistoryCall& call) {
    const auto a = call.epochs[0]->positions(), b = call.epochs[1]->positions();
    sqlite3_result_double(
        context, std::hypot(a[2 * call.id] - b[2 * call.id], a[2 * call.id + 1] - b[2 * call.id + 1]));
  });
}

/// What pushed() needs; made by the first call of a query, gone with its database.
struct PushQueries {
  explicit PushQueries(const SampleTable& table) : samples(table) {}
  const SampleTable& samples;
  std::optional<Run> run;
  std::optional<Causes> causes;
  std::map<std::array<int64_t, 3>, std::vector<float>> shares;  // by sample and epochs

  const std::vector<float>& of(const std::array<int64_t, 3>& key) {
    if (const auto known = shares.find(key); known != shares.end()) return known->second;
    if (!causes) {
      run.emplace(Run::open(samples.view().folder().parent_path().parent_path()));
      causes.emplace(*run);
    }
    constexpr size_t most_kept = 16;
    if (shares.size() == most_kept) shares.clear();
    const Change change =
        causes->change_of(static_cast<int32_t>(key[0]), static_cast<int>(key[1]), static_cast<int>(key[2]));
    return shares[key] = causes->shares(change);
  }
};

void pushed(sqlite3_context* context, int count, sqlite3_value** values) {
  try {
    auto& queries = *static_cast<PushQueries*>(sqlite3_user_data(context));
    std::array<int64_t, 4> whole{};
    for (int i = 0; i < count; ++i) {
      if (sqlite3_value_type(values[i]) == SQLITE_NULL) return sqlite3_result_null(context);
      if (sqlite3_value_type(values[i]) != SQLITE_INTEGER)
        fail("a sample and two epochs are whole numbers, as in pushed(4711, 7, 8)");
      whole[static_cast<size_t>(i)] = sqlite3_value_int64(values[i]);
      if (whole[static_cast<size_t>(i)] < 0 || whole[static_cast<size_t>(i)] > INT32_MAX)
        fail("there is no sample or epoch {}", whole[static_cast<size_t>(i)]);
    }
    if (whole[0] >= queries.samples.samples()) fail("there is no sample {}", whole[0]);
    sqlite3_result_double(context, queries.of({whole[1], whole[2], whole[3]})[static_cast<size_t>(whole[0])]);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

}  // namespace

void register_samples(sqlite3* db, const SampleTable& table, const Deadline& deadline) {
  void* data = const_cast<SampleTable*>(&table);
  int status = sqlite3_create_module_v2(db, "samples", &module, new Source{table, deadline},
                                        [](void* source) { delete static_cast<Source*>(source); });
  if (status == SQLITE_OK) status = register_text_functions(db, deadline);
  using Function = void (*)(sqlite3_context*, int, sqlite3_value**);
  constexpr Function functions[] = {prediction_at, correct_at, confidence_at, crossed, moved};
  const auto described = history_functions();
  for (size_t i = 0; i < std::size(functions) && status == SQLITE_OK; ++i)
    status = sqlite3_create_function_v2(db, described[i].name, described[i].arguments + 1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, data,
                                        functions[i], nullptr, nullptr, nullptr);
  if (status == SQLITE_OK)
    status = sqlite3_create_function_v2(db, described.back().name, described.back().arguments + 1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                        new PushQueries(table), pushed, nullptr, nullptr,
                                        [](void* queries) { delete static_cast<PushQueries*>(queries); });
  if (status != SQLITE_OK) fail("query: SQLite could not be set up: {}", sqlite3_errmsg(db));
}

}  // namespace dvi
