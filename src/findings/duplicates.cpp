// The same input under different labels: one of them must be wrong.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "findings/detectors.h"

namespace dvi {
namespace {

uint64_t hash(const std::byte* bytes, size_t count) {
  uint64_t h = 0x9E3779B97F4A7C15ull ^ count;
  for (size_t i = 0; i < count; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<size_t>(8, count - i));
    h = (h ^ word) * 0xBF58476D1CE4E5B9ull;
    h ^= h >> 29;
  }
  return h;
}

/// The rows that say what a sample is: its recorded input, else its features at the first epoch.
struct Rows {
  NpyArray array;
  size_t row_bytes;
  const std::byte* row(int32_t id) const { return array.bytes() + static_cast<size_t>(id) * row_bytes; }
};

Rows rows_of(const RunHistory& history) {
  NpyArray array = history.run().inputs()
                       ? *history.run().inputs()
                       : NpyArray::open(history.run().epoch(history.number(0)).folder() / "features.npy");
  const size_t bytes =
      static_cast<size_t>(array.row_size()) * (static_cast<size_t>(dtype_size(array.dtype())));
  return {std::move(array), bytes};
}

}  // namespace

std::vector<Finding> find_label_conflicts(const RunHistory& history) {
  if (history.size() == 0) return {};
  const Rows rows = rows_of(history);
  std::unordered_map<uint64_t, std::vector<int32_t>> seen;  // the first of each kind with this hash
  std::unordered_map<int32_t, std::vector<int32_t>> copies;
  const auto samples = static_cast<int32_t>(history.run().manifest().sample_count());
  // Blank rows (an input that was not recorded, say) tell nothing.
  const std::vector<std::byte> blank(rows.row_bytes);
  for (int32_t id = 0; id < samples; ++id) {
    if (history.label(id) < 0 || std::memcmp(rows.row(id), blank.data(), rows.row_bytes) == 0) continue;
    auto& same_hash = seen[hash(rows.row(id), rows.row_bytes)];
    const auto first = std::find_if(same_hash.begin(), same_hash.end(), [&](int32_t other) {
      return std::memcmp(rows.row(id), rows.row(other), rows.row_bytes) == 0;
    });
    if (first == same_hash.end())
      same_hash.push_back(id);
    else
      copies[*first].push_back(id);
  }
  std::vector<std::pair<int32_t, std::vector<int32_t>>> conflicts;
  for (auto& [first, others] : copies)
    if (std::any_of(others.begin(), others.end(),
                    [&, f = first](int32_t id) { return history.label(id) != history.label(f); }))
      conflicts.emplace_back(first, others);
  if (conflicts.empty()) return {};
  std::sort(conflicts.begin(), conflicts.end());
  const size_t last = history.size() - 1;
  Finding f{"label_conflict",
            history.number(0),
            history.number(last),
            {},
            {},
            std::min(1.0, 0.2 + 20 * static_cast<double>(conflicts.size()) / static_cast<double>(samples)),
            "",
            history.number(last),
            "label"};
  for (const auto& [first, others] : conflicts) {
    f.samples.push_back(first);
    f.samples.insert(f.samples.end(), others.begin(), others.end());
  }
  f.classes = frequent_labels(history, f.samples, 3);
  const auto& [first, others] = conflicts.front();
  const int32_t other = *std::find_if(others.begin(), others.end(), [&, one = first](int32_t id) {
    return history.label(id) != history.label(one);
  });
  f.text = fmt::format(
      "{} under different labels: {} of them, for example {} ({}) and {} ({}).",
      conflicts.size() == 1 ? "One input occurs" : fmt::format("{} inputs occur", conflicts.size()),
      fmt::format("{} samples", f.samples.size()), first, history.name(history.label(first)), other,
      history.name(history.label(other)));
  if (f.samples.size() > 1000) f.samples.resize(1000);
  return {f};
}

}  // namespace dvi
