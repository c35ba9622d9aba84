#include "run/epoch_names.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "core/error.h"

namespace dvi {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(by, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Range {
  double first, last;
};

/// "1.5" or "2-4".
std::optional<Range> range_in(const std::string& text) {
  if (const auto one = number_in(text)) return Range{*one, *one};
  const size_t dash = text.find('-', 1);
  if (dash == std::string::npos) return std::nullopt;
  const auto first = number_in(text.substr(0, dash)), last = number_in(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t most = 12;
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(most, names.size()));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

}  // namespace

std::string epoch_name(const Epoch& epoch) {
  const auto label = epoch.scalars().find("label");
  return label == epoch.scalars().end() ? std::to_string(epoch.number()) : label->get<std::string>();
}

double epoch_time(const Epoch& epoch) {
  return epoch.scalars().value("at", static_cast<double>(epoch.number()));
}

std::vector<int> parse_epochs(const std::string& text) {
  std::vector<int> epochs;
  const auto wrong = [&] { fail("--epochs {}: expected numbers and ranges like 1,2,5-9", text); };
  const auto number = [&](const std::string& part) {
    if (part.empty() || part.size() > 6 ||
        !std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c) != 0; }))
      wrong();
    return std::stoi(part);
  };
  for (const std::string& part : split(text, ',')) {
    const size_t dash = part.find('-');
    const int first = number(part.substr(0, dash)),
              last = dash == std::string::npos ? first : number(part.substr(dash + 1));
    if (last < first) wrong();
    for (int e = first; e <= last; ++e) epochs.push_back(e);
  }
  std::ranges::sort(epochs);
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

std::vector<int> epochs_called(const Run& run, const std::string& text) {
  std::vector<std::string> names;
  std::vector<Epoch> known;
  bool labelled = false;
  for (const int number : run.epoch_numbers()) {
    known.push_back(run.epoch(number));
    names.push_back(epoch_name(known.back()));
    labelled = labelled || known.back().scalars().contains("label");
  }
  if (!labelled) return parse_epochs(text);
  std::vector<int> epochs;
  for (const std::string& part : split(text, ',')) {
    const size_t before = epochs.size();
    for (const Epoch& epoch : known)
      if (epoch_name(epoch) == part) epochs.push_back(epoch.number());
    if (const auto range = range_in(part); range && epochs.size() == before)
      for (const Epoch& epoch : known)
        if (epoch_time(epoch) >= range->first && epoch_time(epoch) <= range->last)
          epochs.push_back(epoch.number());
    if (epochs.size() == before)
      fail(
          "epoch \"{}\": expected names, numbers or ranges of recorded epochs, found none of that name; the "
          "run has {}",
          part, listed(names));
  }
  std::ranges::sort(epochs);
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

int epoch_called(const Run& run, const std::string& text) {
  const std::vector<int> epochs = epochs_called(run, text);
  if (epochs.size() != 1) fail("--epoch {}: expected one epoch, found {}; name one", text, epochs.size());
  return epochs.front();
}

}  // namespace dvi
