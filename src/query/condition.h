// The text of a condition before SQLite sees it.
//
// A condition is the WHERE part of a query over samples. Two things are added to SQL for convenience: the
// word group needs no quotes, and the functions about a sample's history (prediction_at and others) need not
// be told which sample is meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dvi {

/// Functions of a sample's history, without the sample, which is put in as first argument.
struct HistoryFunction {
  const char* name;
  int arguments;
  const char* meaning;
};
std::span<const HistoryFunction> history_functions();

/// A condition made ready.
class Condition {
 public:
  /// Throws Error for what is no single expression: a semicolon, unbalanced parentheses, an open quote or
  /// comment; and for more than 100 parentheses inside each other, of which SQLite 3.46 takes any number.
  explicit Condition(std::string_view text);
  const std::string& sql() const { return sql_; }
  /// Where byte `offset` of sql() comes from in the user's text, from 1; at most its length + 1.
  size_t user_position(size_t offset) const;

 private:
  void put(std::string_view added, size_t from);
  std::string sql_;
  std::vector<size_t> origin_;  // of each byte of sql_
  size_t length_;
};

/// The word of `words` closest to `word` (fewest letters changed, left out, added or swapped with the next),
/// or "" if none is close.
std::string closest(const std::string& word, const std::vector<std::string>& words);

}  // namespace dvi
