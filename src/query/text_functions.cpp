#include "query/text_functions.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace dvi {
namespace {

/// The character at `at`, which moves behind it; bytes that are no UTF-8 count as characters of their own.
char32_t take(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 1 || at + length > text.size()) return byte(at++);
  char32_t code = first & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return byte(at++);
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  at += length;
  return code;
}

char32_t lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

/// Asks the clock only now and then.
class Patience {
 public:
  explicit Patience(const Deadline& deadline) : deadline_(deadline) {}
  bool spent() {
    if ((++steps_ & 0xffff) == 0) over_ = over_ || deadline_.passed();
    return over_;
  }

 private:
  const Deadline& deadline_;
  size_t steps_ = 0;
  bool over_ = false;
};

/// Whether `c` is in the class whose "[" was read; `at` moves behind its "]". Nothing if it is not closed.
std::optional<bool> in_class(std::string_view pattern, size_t& at, char32_t c, Patience& patience) {
  bool found = false, inverted = false;
  if (at < pattern.size() && pattern[at] == '^') {
    inverted = true;
    ++at;
  }
  char32_t before = 0;  // 0: nothing that a range could begin with
  for (bool first = true; at < pattern.size() && !patience.spent(); first = false) {
    const char32_t low = take(pattern, at);
    if (low == ']' && !first) return found != inverted;
    if (low == '-' && before != 0 && at < pattern.size() && pattern[at] != ']') {
      const char32_t high = take(pattern, at);
      found = found || (c >= before && c <= high);
      before = 0;
      continue;
    }
    found = found || c == low;
    before = low;
  }
  return std::nullopt;
}

/// Goes through the text once for each wildcard for many: what an earlier one could have taken more of, a
/// later one can. `one(p, t)` moves both behind a character that fits, or returns false.
template <typename One>
bool matches(std::string_view pattern, std::string_view text, char many, Patience& patience, One one) {
  constexpr size_t none = std::string_view::npos;
  size_t p = 0, t = 0, behind_many = none, tried = 0;
  while (!patience.spent()) {
    if (p < pattern.size() && pattern[p] == many) {
      behind_many = ++p;
      tried = t;
      continue;
    }
    if (t == text.size()) return p == pattern.size();
    size_t next_p = p, next_t = t;
    if (p < pattern.size() && one(next_p, next_t)) {
      p = next_p;
      t = next_t;
      continue;
    }
    if (behind_many == none) return false;
    take(text, tried);
    t = tried;
    p = behind_many;
  }
  return false;
}

std::string_view text_of(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text == nullptr ? std::string_view()
                         : std::string_view(text, static_cast<size_t>(sqlite3_value_bytes(value)));
}

bool any_null(int count, sqlite3_value** values) {
  return std::any_of(values, values + count,
                     [](sqlite3_value* v) { return sqlite3_value_type(v) == SQLITE_NULL; });
}

const Deadline& deadline_of(sqlite3_context* context) {
  return *static_cast<const Deadline*>(sqlite3_user_data(context));
}

constexpr size_t longest_pattern = 1000;

/// The answer, or the interruption that the deadline is.
void give_match(sqlite3_context* context, bool matched) {
  if (deadline_of(context).passed()) return sqlite3_result_error_code(context, SQLITE_INTERRUPT);
  sqlite3_result_int(context, matched);
}

void glob(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return sqlite3_result_null(context);
  const auto pattern = text_of(values[0]);
  if (pattern.size() > longest_pattern)
    return sqlite3_result_error(context, "a GLOB pattern has at most 1000 characters", -1);
  give_match(context, glob_matches(pattern, text_of(values[1]), deadline_of(context)));
}

void like(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return sqlite3_result_null(context);
  const auto pattern = text_of(values[0]);
  if (pattern.size() > longest_pattern)
    return sqlite3_result_error(context, "a LIKE pattern has at most 1000 characters", -1);
  char32_t escape = 0;
  if (count == 3) {
    const auto given = text_of(values[2]);
    size_t at = 0;
    if (!given.empty()) escape = take(given, at);
    if (given.empty() || at != given.size())
      return sqlite3_result_error(context, "ESCAPE expression must be a single character", -1);
  }
  give_match(context, like_matches(pattern, text_of(values[1]), escape, deadline_of(context)));
}

void instr(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return sqlite3_result_null(context);
  const auto text = text_of(values[0]), wanted = text_of(values[1]);
  const void* found =
      wanted.empty() ? text.data() : memmem(text.data(), text.size(), wanted.data(), wanted.size());
  if (found == nullptr && !wanted.empty()) return sqlite3_result_int(context, 0);
  const auto end = static_cast<size_t>(static_cast<const char*>(found) - text.data());
  int characters = 0;
  for (size_t at = 0; at < end; ++characters) take(text, at);
  sqlite3_result_int(context, characters + 1);
}

template <bool left, bool right>
void trim(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return sqlite3_result_null(context);
  const auto text = text_of(values[0]), given = count == 2 ? text_of(values[1]) : std::string_view(" ");
  std::vector<char32_t> unwanted;
  for (size_t at = 0; at < given.size();) unwanted.push_back(take(given, at));
  std::sort(unwanted.begin(), unwanted.end());
  std::vector<size_t> begins;
  std::vector<bool> kept;
  for (size_t at = 0; at < text.size();) {
    begins.push_back(at);
    kept.push_back(!std::binary_search(unwanted.begin(), unwanted.end(), take(text, at)));
  }
  begins.push_back(text.size());
  size_t first = 0, last = kept.size();
  while (left && first < last && !kept[first]) ++first;
  while (right && last > first && !kept[last - 1]) --last;
  const auto rest = text.substr(begins[first], begins[last] - begins[first]);
  sqlite3_result_text(context, rest.data(), static_cast<int>(rest.size()), SQLITE_TRANSIENT);
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text, const Deadline& deadline) {
  Patience patience(deadline);
  return matches(pattern, text, '*', patience, [&](size_t& p, size_t& t) {
    const char32_t wanted = take(pattern, p), found = take(text, t);
    if (wanted == '?') return true;
    if (wanted == '[') return in_class(pattern, p, found, patience).value_or(false);
    return wanted == found;
  });
}

bool like_matches(std::string_view pattern, std::string_view text, char32_t escape,
                  const Deadline& deadline) {
  // An escaped wildcard is written as itself in `plain`, and marked.
  std::u32string plain;
  std::vector<char> kinds;  // 'c' a character, '_' any one, '%' any number
  for (size_t at = 0; at < pattern.size();) {
    char32_t c = take(pattern, at);
    char kind = c == '%' || c == '_' ? static_cast<char>(c) : 'c';
    if (escape != 0 && c == escape) {
      if (at == pattern.size()) return false;  // nothing follows, so nothing can match
      c = take(pattern, at);
      kind = 'c';
    }
    plain += lower(c);
    kinds.push_back(kind);
  }
  Patience patience(deadline);
  return matches({kinds.data(), kinds.size()}, text, '%', patience, [&](size_t& p, size_t& t) {
    const char32_t found = lower(take(text, t));
    const size_t at = p++;
    return kinds[at] == '_' || plain[at] == found;
  });
}

int register_text_functions(sqlite3* db, const Deadline& deadline) {
  void* data = const_cast<Deadline*>(&deadline);
  struct Described {
    const char* name;
    int arguments;
    void (*function)(sqlite3_context*, int, sqlite3_value**);
  };
  for (const Described& d :
       {Described{"glob", 2, glob}, Described{"like", 2, like}, Described{"like", 3, like},
        Described{"instr", 2, instr}, Described{"trim", 1, trim<true, true>},
        Described{"trim", 2, trim<true, true>}, Described{"ltrim", 1, trim<true, false>},
        Described{"ltrim", 2, trim<true, false>}, Described{"rtrim", 1, trim<false, true>},
        Described{"rtrim", 2, trim<false, true>}}) {
    const int status = sqlite3_create_function_v2(db, d.name, d.arguments,
                                                  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, data,
                                                  d.function, nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) return status;
  }
  return SQLITE_OK;
}

}  // namespace dvi
