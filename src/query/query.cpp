#include "query/query.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "query/condition.h"
#include "query/virtual_table.h"

namespace dvi {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* scalar_functions[] = {
    "abs",    "between", "ceil",  "ceiling", "coalesce",  "exp",  "floor", "glob",
    "ifnull", "iif",     "instr", "length",  "like",      "ln",   "log10", "lower",
    "ltrim",  "max",     "min",   "mod",     "nullif",    "pow",  "power", "round",
    "rtrim",  "sign",    "sqrt",  "substr",  "substring", "trim", "upper"};

/// A private database that holds nothing but the table "samples".
class Session {
 public:
  Session(const SampleTable& table, double most_seconds, std::stop_token stop)
      : table_(table), most_seconds_(most_seconds), deadline_(most_seconds, std::move(stop)) {
    sqlite3* db = nullptr;
    const int status = sqlite3_open_v2(
        ":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nullptr);
    db_.reset(db);
    if (status != SQLITE_OK)
      fail("query: SQLite could not be started: {}", db ? sqlite3_errmsg(db) : "out of memory");
    register_samples(db, table, deadline_);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    // "Shirt" in double quotes is a column's name; taken as a text by default, it would hide misspelt
    // columns.
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 100000);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 200);
    sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 1);
    sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 100000);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, 1);
    // SQLite meets the table when it is first named, which is to be over before the rules begin.
    const int met = sqlite3_exec(db, "SELECT 1 FROM samples LIMIT 0", nullptr, nullptr, nullptr);
    if (met != SQLITE_OK) fail("query: SQLite could not be set up: {}", sqlite3_errmsg(db));
    sqlite3_set_authorizer(db, authorize, this);
    // A step may be a function of a long text, so the clock is looked at often.
    sqlite3_progress_handler(db, 100, late, this);
  }

  /// Calls `found(id, epoch)` for each row that fits. At one epoch if the condition does not name any, unless
  /// `each`.
  template <typename Found>
  void run(const std::string& text, int epoch, bool each, Found found) {
    const Condition condition(text);
    // Whether the condition names epochs shows while it is compiled alone.
    Statement statement = compile(condition, "");
    if (!names_epoch_ && !each) statement = compile(condition, fmt::format(" AND epoch = {}", epoch));
    int status;
    while ((status = sqlite3_step(statement.get())) == SQLITE_ROW)
      found(sqlite3_column_int(statement.get(), 0), sqlite3_column_int(statement.get(), 1));
    if (status != SQLITE_DONE) complain(condition);
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  static constexpr std::string_view front = "SELECT id, epoch FROM samples WHERE (";

  Statement compile(const Condition& condition, const std::string& more) {
    selects_ = 0;
    names_epoch_ = false;
    reads_of_epoch_ = 0;
    const std::string sql = std::string(front) + condition.sql() + "\n)" + more;
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    const int status =
        sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size() + 1), &statement, &rest);
    Statement owned(statement);
    if (status != SQLITE_OK) complain(condition);
    if (rest == nullptr || *rest != '\0') fail("condition: expected one condition, found more behind it");
    names_epoch_ = reads_of_epoch_ > 1;  // one is the result column
    return owned;
  }

  static int late(void* self) { return static_cast<Session*>(self)->deadline_.passed(); }

  static int authorize(void* data, int action, const char* a, const char* b, const char*, const char*) {
    auto& self = *static_cast<Session*>(data);
    switch (action) {
      case SQLITE_SELECT:
        if (++self.selects_ == 1) return SQLITE_OK;
        self.refused_ = "subqueries are not part of a condition";
        return SQLITE_DENY;
      case SQLITE_READ:
        if (a != nullptr && std::strcmp(a, "samples") == 0) {
          self.reads_of_epoch_ += b != nullptr && std::strcmp(b, "epoch") == 0;
          return SQLITE_OK;
        }
        self.refused_ = "there is no other table than samples";
        return SQLITE_DENY;
      case SQLITE_FUNCTION: {
        const auto is = [b](const char* name) { return sqlite3_stricmp(name, b) == 0; };
        const auto history = history_functions();
        if (std::any_of(std::begin(scalar_functions), std::end(scalar_functions), is) ||
            std::any_of(history.begin(), history.end(), [&](const HistoryFunction& f) { return is(f.name); }))
          return SQLITE_OK;
        self.refused_ = fmt::format("the function {}() is not part of a condition", b);
        return SQLITE_DENY;
      }
      default:
        self.refused_ = "a condition only reads";
        return SQLITE_DENY;
    }
  }

  /// Throws what SQLite has to say in words for who wrote the condition.
  [[noreturn]] void complain(const Condition& condition) const {
    const std::string message = sqlite3_errmsg(db_.get());
    const int code = sqlite3_errcode(db_.get());
    if (code == SQLITE_INTERRUPT)
      fail("condition: stopped after {} seconds; narrow it, for example to one epoch with epoch = {}",
           most_seconds_, table_.last_epoch());
    if (code == SQLITE_NOMEM || code == SQLITE_TOOBIG) fail("condition: it makes values that are too long");
    if (!refused_.empty()) fail("condition: {}", refused_);
    std::string place;
    bool at_end = false;
#if SQLITE_VERSION_NUMBER >= 3038000
    if (const int offset = sqlite3_error_offset(db_.get()); offset >= static_cast<int>(front.size())) {
      const size_t inside = static_cast<size_t>(offset) - front.size();
      at_end = inside >= condition.sql().size();
      place = fmt::format(" at character {}", condition.user_position(inside));
    }
#endif
    const auto after = [&](std::string_view start) {
      return message.compare(0, start.size(), start) == 0 ? std::optional(message.substr(start.size()))
                                                          : std::nullopt;
    };
    if (auto name = after("no such column: ")) {
      // SQLite 3.46 has more to say of what stood in double quotes: "X" - should this be a string literal ...
      if (const size_t hint = name->find(" - should this be"); hint != std::string::npos) name->resize(hint);
      if (name->size() > 2 && name->front() == '"' && name->back() == '"')
        name = name->substr(1, name->size() - 2);
      const auto& classes = table_.classes();
      if (std::find(classes.begin(), classes.end(), *name) != classes.end())
        fail("condition: no column is named {}{}; write texts in single quotes, '{}'", *name, place, *name);
      std::vector<std::string> names;
      for (const ColumnInfo& column : table_.columns()) names.push_back(column.name);
      const std::string near = closest(*name, names);
      fail("condition: no column is named {}{}{}", *name, place,
           near.empty() ? "; 'dvi query RUN --columns' lists them" : "; did you mean " + near + "?");
    }
    if (const auto name = after("no such function: ")) {
      std::vector<std::string> names(std::begin(scalar_functions), std::end(scalar_functions));
      for (const HistoryFunction& function : history_functions()) names.push_back(function.name);
      const std::string near = closest(*name, names);
      fail("condition: no function is named {}{}{}", *name, place,
           near.empty() ? "; 'dvi query RUN --columns' lists them" : "; did you mean " + near + "?");
    }
    if (at_end || message == "incomplete input")
      fail("condition: ends too early, something is missing{}", place);
    if (const auto rest = after("near "); rest && rest->size() > 15)
      fail("condition: not understood at {}{}", rest->substr(0, rest->find(": syntax error")), place);
    fail("condition: {}{}", message, place);
  }

  const SampleTable& table_;
  double most_seconds_;
  Deadline deadline_;
  std::unique_ptr<sqlite3, Close> db_;
  int selects_ = 0, reads_of_epoch_ = 0;
  bool names_epoch_ = false;
  std::string refused_;
};

std::vector<int32_t> marked(const std::vector<bool>& marks) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < marks.size(); ++i)
    if (marks[i]) ids.push_back(static_cast<int32_t>(i));
  return ids;
}

}  // namespace

QueryResult find_samples(const SampleTable& table, const std::string& condition, std::optional<int> epoch,
                         double most_seconds, std::stop_token stop) {
  const auto start = Clock::now();
  QueryResult result;
  result.epoch = epoch.value_or(table.last_epoch());
  if (!table.view().has_epoch(result.epoch))
    table.view().epoch(result.epoch);  // throws, naming those there are
  std::vector<bool> fits(static_cast<size_t>(table.samples()), false);
  int only = -1;
  bool several = false;
  Session session(table, most_seconds, std::move(stop));
  session.run(condition, result.epoch, false, [&](int id, int at) {
    fits[static_cast<size_t>(id)] = true;
    several = several || (only >= 0 && only != at);
    only = at;
  });
  if (only >= 0 && !several) result.epoch = only;
  result.ids = marked(fits);
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

std::vector<EpochMatches> find_samples_each(const SampleTable& table, const std::string& condition,
                                            double most_seconds, std::stop_token stop) {
  std::map<int, std::vector<bool>> fits;
  for (const int epoch : table.epochs()) fits[epoch].resize(static_cast<size_t>(table.samples()));
  Session session(table, most_seconds, std::move(stop));
  session.run(condition, table.last_epoch(), true,
              [&](int id, int epoch) { fits[epoch][static_cast<size_t>(id)] = true; });
  std::vector<EpochMatches> matches;
  for (const auto& [epoch, marks] : fits) matches.push_back({epoch, marked(marks)});
  return matches;
}

std::vector<ColumnInfo> query_vocabulary(const SampleTable& table) {
  std::vector<ColumnInfo> all = table.columns();
  for (const HistoryFunction& function : history_functions()) {
    const bool text = std::string_view(function.name) == "prediction_at";
    const std::string_view name = function.name;
    const bool real = name == "confidence_at" || name == "moved" || name == "pushed";
    all.push_back({function.name,
                   text   ? CellType::text
                   : real ? CellType::real
                          : CellType::integer,
                   function.meaning});
  }
  return all;
}

}  // namespace dvi
