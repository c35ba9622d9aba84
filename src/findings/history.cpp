#include "findings/history.h"

#include <algorithm>

namespace dvi {

RunHistory::RunHistory(const Run& run, const View& view, int until) : run_(run), view_(view) {
  for (const int number : view.epoch_numbers())
    if (number <= until) epochs_.push_back(view.epoch(number));
  const auto labelled = [&](std::vector<int32_t> ids) {
    std::erase_if(ids, [&](int32_t id) { return label(id) < 0; });
    return ids;
  };
  train_ = labelled(run.manifest().ids_of_role("train"));
  held_out_ = labelled(run.manifest().ids_of_role("test"));
  if (train_.empty()) {
    for (int32_t id = 0; id < run.manifest().sample_count(); ++id)
      if (label(id) >= 0) train_.push_back(id);
    held_out_.clear();
  }
  is_train_.assign(run.labels().size(), false);
  for (const int32_t id : train_) is_train_[static_cast<size_t>(id)] = true;
}

double RunHistory::accuracy(size_t e, std::span<const int32_t> ids) const {
  const auto hits = std::count_if(ids.begin(), ids.end(), [&](int32_t id) { return right(e, id); });
  return ids.empty() ? 0 : static_cast<double>(hits) / static_cast<double>(ids.size());
}

std::vector<int32_t> RunHistory::turned(size_t e, std::span<const int32_t> ids, bool to_right) const {
  std::vector<int32_t> found;
  for (const int32_t id : ids)
    if (right(e, id) == to_right && right(e - 1, id) != to_right) found.push_back(id);
  return found;
}

bool RunHistory::contradicted(size_t e, int32_t id) const {
  const auto k = static_cast<size_t>(epochs_[e]->neighbor_count());
  const auto neighbors = epochs_[e]->neighbors().subspan(static_cast<size_t>(id) * k, k);
  const auto carry = [&](int32_t c) {
    return std::count_if(neighbors.begin(), neighbors.end(), [&](int32_t other) {
      return is_train_[static_cast<size_t>(other)] && label(other) == c;
    });
  };
  const auto own = carry(label(id));
  for (size_t i = 0; i < k; ++i) {
    const int32_t other = label(neighbors[i]);
    if (other >= 0 && other != label(id) && is_train_[static_cast<size_t>(neighbors[i])] &&
        carry(other) > own)
      return true;
  }
  return false;
}

}  // namespace dvi
