#include "query/condition.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace dvi {
namespace {

constexpr HistoryFunction functions[] = {
    {"prediction_at", 1, "prediction_at(epoch): name of the class predicted at that epoch"},
    {"correct_at", 1, "correct_at(epoch): 1 if the prediction at that epoch was the label, else 0"},
    {"confidence_at", 1, "confidence_at(epoch): softmax probability of the prediction at that epoch"},
    {"crossed", 2, "crossed(a, b): 1 if the predictions at epochs a and b differ, else 0"},
    {"moved", 2, "moved(a, b): distance in the plane between the sample's places at epochs a and b"},
};

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) > 127;
}
bool is_word(char c) { return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) || c == '$'; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return result;
}

}  // namespace

std::span<const HistoryFunction> history_functions() { return functions; }

Condition::Condition(std::string_view text) : length_(text.size()) {
  constexpr size_t longest = 20000, deepest = 100;
  if (text.size() > longest)
    fail("condition: expected at most {} characters, found {}", longest, text.size());
  if (text.find('\0') != std::string_view::npos) fail("condition: expected text, found a zero byte");
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    fail("condition: expected something like label = 'Shirt' and confidence > 0.9, found nothing");

  std::vector<size_t> open;  // positions of parentheses
  const auto skip_spaces = [&](size_t at) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    return at;
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    size_t end = at + 1;
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
      const char closing = c == '[' ? ']' : c;
      // A doubled quote is two quoted pieces side by side, which is as good for copying.
      end = text.find(closing, at + 1);
      if (end == std::string_view::npos) fail("condition: the quote at character {} is not closed", at + 1);
      ++end;
    } else if (text.substr(at, 2) == "--" || text.substr(at, 2) == "/*") {
      fail("condition: expected no comments, found one at character {}", at + 1);
    } else if (c == ';') {
      fail("condition: expected one condition, found a semicolon at character {}", at + 1);
    } else if (c == '?' || c == ':' || c == '@' || c == '$') {
      fail("condition: expected values, found a parameter ({}) at character {}", c, at + 1);
    } else if (c == '(') {
      open.push_back(at);
      if (open.size() > deepest)
        fail("condition: expected at most {} parentheses inside each other, found more at character {}",
             deepest, at + 1);
    } else if (c == ')') {
      if (open.empty()) fail("condition: the parenthesis at character {} closes nothing", at + 1);
      open.pop_back();
    } else if (is_letter(c)) {
      while (end < text.size() && is_word(text[end])) ++end;
      const std::string word = lower(text.substr(at, end - at));
      const size_t next = skip_spaces(end);
      if (word == "group" && lower(text.substr(next, 2)) != "by") {
        put("\"group\"", at);
        at = end;
        continue;
      }
      const bool history =
          std::any_of(std::begin(functions), std::end(functions), [&](auto& f) { return f.name == word; });
      if (history && next < text.size() && text[next] == '(') {
        put(text.substr(at, next + 1 - at), at);
        open.push_back(next);
        const size_t inside = skip_spaces(next + 1);
        put(inside < text.size() && text[inside] == ')' ? "id" : "id, ", next + 1);
        at = next + 1;
        continue;
      }
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      while (end < text.size() && (is_word(text[end]) || text[end] == '.')) ++end;
    }
    put(text.substr(at, end - at), at);
    at = end;
  }
  if (!open.empty()) fail("condition: the parenthesis at character {} is not closed", open.back() + 1);
}

void Condition::put(std::string_view added, size_t from) {
  for (size_t i = 0; i < added.size(); ++i) {
    sql_ += added[i];
    origin_.push_back(std::min(from + i, length_));
  }
}

size_t Condition::user_position(size_t offset) const {
  return (offset < origin_.size() ? origin_[offset] : length_) + 1;
}

std::string closest(const std::string& word, const std::vector<std::string>& words) {
  std::string best;
  const std::string wanted = lower(word);
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    const std::string other = lower(candidate);
    // Optimal string alignment distance, three rows at a time.
    std::vector<size_t> two_back, previous(other.size() + 1), row(other.size() + 1);
    std::iota(previous.begin(), previous.end(), size_t{0});
    for (size_t i = 1; i <= wanted.size(); ++i) {
      row[0] = i;
      for (size_t j = 1; j <= other.size(); ++j) {
        row[j] =
            std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (wanted[i - 1] != other[j - 1])});
        if (i > 1 && j > 1 && wanted[i - 1] == other[j - 2] && wanted[i - 2] == other[j - 1])
          row[j] = std::min(row[j], two_back[j - 2] + 1);
      }
      two_back = previous;
      previous = row;
    }
    if (previous.back() < least) {
      least = previous.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace dvi
