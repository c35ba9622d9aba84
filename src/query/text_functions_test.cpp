#include "query/text_functions.h"

#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <random>
#include <string>

namespace dvi {
namespace {

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// The first value of the answer, or "error".
std::string ask(sqlite3* db, const std::string& expression) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, ("SELECT " + expression).c_str(), -1, &statement, nullptr);
  const std::unique_ptr<sqlite3_stmt, Close> owned(statement);
  if (sqlite3_step(statement) != SQLITE_ROW) return "error";
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  return text == nullptr ? "NULL" : text;
}

std::unique_ptr<sqlite3, Close> open() {
  sqlite3* db = nullptr;
  sqlite3_open(":memory:", &db);
  return std::unique_ptr<sqlite3, Close>(db);
}

std::string sql_text(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

TEST(TextFunctions, AnswerAsSQLitesOwn) {
  const auto own = open(), ours = open();
  const Deadline deadline(1000, {});
  ASSERT_EQ(register_text_functions(ours.get(), deadline), SQLITE_OK);
  std::mt19937 random(1);
  const auto text = [&](const std::string& letters, size_t most) {
    std::string t;
    for (size_t n = random() % (most + 1); n > 0; --n) {
      const size_t at = random() % letters.size();
      if (letters[at] == 'E')
        t += "\xc3\xa9";  // e acute, two bytes
      else
        t += letters[at];
    }
    return sql_text(t);
  };
  int different = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string expression;
    switch (i % 6) {
      case 0:
        expression = text("abAE]-^", 8) + " GLOB " + text("ab*?[]-^E", 8);
        break;
      case 1:
        expression = text("abABE", 8) + " LIKE " + text("abAB%_E", 8);
        break;
      case 2:
        expression = text("ab%_", 8) + " LIKE " + text("ab%_", 8) + " ESCAPE 'a'";
        break;
      case 3:
        expression = "instr(" + text("abE", 10) + ", " + text("abE", 3) + ")";
        break;
      case 4:
        expression = std::string(i % 4 == 0   ? "trim("
                                 : i % 4 == 2 ? "ltrim("
                                              : "rtrim(") +
                     text("abE ", 10) + ", " + text("aE", 2) + ")";
        break;
      default:
        expression =
            "trim(" + text("ab ", 10) + ") || rtrim(" + text("a ", 5) + ") || ltrim(" + text("a ", 5) + ")";
    }
    if (ask(own.get(), expression) == ask(ours.get(), expression)) continue;
    if (++different < 5)
      ADD_FAILURE() << expression << ": " << ask(own.get(), expression) << " and "
                    << ask(ours.get(), expression);
  }
  EXPECT_EQ(different, 0);
  for (const char* expression :
       {"NULL GLOB 'a'", "'a' LIKE NULL", "12 GLOB '1*'", "1.5 LIKE '1_5'", "instr(121, 2)", "trim(NULL)",
        "'a' LIKE 'b' ESCAPE 'xy'", "'' GLOB ''", "'' GLOB '*'", "'x' GLOB ''"})
    EXPECT_EQ(ask(own.get(), expression), ask(ours.get(), expression)) << expression;
}

TEST(TextFunctions, NeitherPatternNorTextTakesTheTimeOfBoth) {
  const Deadline deadline(0.2, {});
  std::string pattern;
  for (int i = 0; i < 190; ++i) pattern += "*[a-y]";
  const std::string text(1 << 20, 'z');
  const std::clock_t start = std::clock();
  EXPECT_FALSE(glob_matches(pattern, text, deadline));
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(1 << 16, 'a'), deadline));
  EXPECT_FALSE(like_matches("%a%a%a%a%a%a%a%a%a%a%b", std::string(1 << 16, 'a'), 0, deadline));
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 1);
}

}  // namespace
}  // namespace dvi
