// Did the samples that came into the training set move a boundary? Samples with new ones among their nearest
// neighbours are compared with those without, among samples as near to the boundary as themselves (strata of
// the margin before), since new samples are often chosen there, where predictions change anyway.
#include <algorithm>

#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {
namespace {

constexpr size_t strata_count = 10;
constexpr double least_ratio = 1.2;  // of flips near new samples to those expected

std::vector<bool> in_set(const RunHistory& history, size_t e) {
  std::vector<bool> in(history.run().labels().size(), false);
  const auto ids = history.run().epoch(history.number(e)).training_set();
  if (!ids) return {};
  for (const int32_t id : *ids) in[static_cast<size_t>(id)] = true;
  return in;
}

}  // namespace

std::vector<Finding> find_moved_boundaries(const RunHistory& history) {
  std::vector<Finding> found;
  const double level = false_alarm_rate / static_cast<double>(std::max<size_t>(1, history.size()));
  for (size_t e = 1; e < history.size(); ++e) {
    const auto before = in_set(history, e - 1), now = in_set(history, e);
    if (before.empty() || now.empty()) continue;
    const auto is_new = [&](int32_t id) {
      return now[static_cast<size_t>(id)] && !before[static_cast<size_t>(id)];
    };
    const auto n = static_cast<int32_t>(now.size());
    const ViewEpoch& at = history.epoch(e - 1);
    const auto k = static_cast<size_t>(at.neighbor_count());
    // Everybody who was in neither set, by margin; the new ones themselves are told their label.
    std::vector<int32_t> ids;
    for (int32_t id = 0; id < n; ++id)
      if (!now[static_cast<size_t>(id)] && !before[static_cast<size_t>(id)]) ids.push_back(id);
    if (ids.size() < 10 * strata_count) continue;
    std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
      return at.margin()[static_cast<size_t>(a)] < at.margin()[static_cast<size_t>(b)];
    });
    std::vector<Stratum> strata(strata_count);
    int64_t near_count = 0, near_flips = 0;
    std::vector<int32_t> flipped;
    std::map<std::pair<int32_t, int32_t>, int64_t> between;
    for (size_t rank = 0; rank < ids.size(); ++rank) {
      const int32_t id = ids[rank];
      Stratum& s = strata[rank * strata_count / ids.size()];
      const auto neighbors = at.neighbors().subspan(static_cast<size_t>(id) * k, k);
      const bool near = std::any_of(neighbors.begin(), neighbors.end(), is_new);
      const int32_t was = history.prediction(e - 1, id), is = history.prediction(e, id);
      (near ? s.first : s.second) += 1;
      (near ? s.hits1 : s.hits2) += was != is;
      near_count += near;
      if (near && was != is) {
        ++near_flips;
        flipped.push_back(id);
        ++between[{std::min(was, is), std::max(was, is)}];
      }
    }
    const Excess excess = stratified_excess(strata);
    if (excess.tail >= level || static_cast<double>(near_flips) < least_ratio * excess.expected) continue;
    const auto most = std::max_element(between.begin(), between.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    Finding f{"moved_boundary",
              history.number(e - 1),
              history.number(e),
              {most->first.first, most->first.second},
              {},
              std::min(1.0, static_cast<double>(near_flips) / excess.expected - 1),
              "",
              history.number(e),
              "prediction"};
    for (int32_t id = 0; id < n; ++id)
      if (is_new(id)) f.samples.push_back(id);
    const size_t added = f.samples.size();
    f.samples.insert(f.samples.end(), flipped.begin(), flipped.end());
    if (f.samples.size() > 1000) f.samples.resize(1000);
    f.text = fmt::format(
        "The {} samples added at epoch {} moved a boundary, most between {} and {}: of {} samples near them "
        "{} "
        "changed their prediction, where {:.0f} of others as near to a boundary would have.",
        added, history.called(f.to), history.name(f.classes[0]), history.name(f.classes[1]), near_count,
        near_flips, excess.expected);
    found.push_back(std::move(f));
  }
  return found;
}

}  // namespace dvi
