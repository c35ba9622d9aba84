// Samples that turn from right to wrong all at once (forgetting: Toneva et al., ICLR 2019), and groups that
// lose what another gains. By chance a sample that turns does so either way (sign test).
#include <algorithm>

#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {
namespace {

constexpr double least_points = 0.03;  // of accuracy; less is not worth a finding

struct Turn {
  std::vector<int32_t> lost, won;
  size_t of = 0;
  /// Net gain of accuracy.
  double gain() const {
    return of == 0 ? 0 : (static_cast<double>(won.size()) - static_cast<double>(lost.size())) / double(of);
  }
  bool is_loss(double level) const {
    const auto l = static_cast<int64_t>(lost.size()), w = static_cast<int64_t>(won.size());
    return -gain() >= least_points && binomial_tail(l, l + w, 0.5) < level;
  }
  bool is_gain(double level) const {
    const auto l = static_cast<int64_t>(lost.size()), w = static_cast<int64_t>(won.size());
    return gain() >= least_points && binomial_tail(w, l + w, 0.5) < level;
  }
};

Turn turn(const RunHistory& history, size_t e, std::span<const int32_t> ids) {
  return {history.turned(e, ids, false), history.turned(e, ids, true), ids.size()};
}

std::vector<int32_t> first_of(std::vector<int32_t> ids) {
  if (ids.size() > 1000) ids.resize(1000);
  return ids;
}

std::vector<Finding> forgetting(const RunHistory& history) {
  std::vector<Finding> found;
  const auto& ids = history.judged();
  const double level = false_alarm_rate / static_cast<double>(history.size());
  for (size_t e = 1; e < history.size(); ++e) {
    const Turn t = turn(history, e, ids);
    if (!t.is_loss(level)) continue;
    Finding f{"forgetting",
              history.number(e - 1),
              history.number(e),
              frequent_labels(history, t.lost, 3),
              first_of(t.lost),
              std::min(1.0, -4 * t.gain()),
              "",
              history.number(e),
              "correct"};
    f.text = fmt::format(
        "Between epochs {} and {} the classifier forgot: {} {} samples turned wrong and only {} right "
        "(accuracy {:.3f} to {:.3f}), most of them {}.",
        history.called(f.from), history.called(f.to), t.lost.size(),
        history.held_out().empty() ? "training" : "held-out", t.won.size(), history.accuracy(e - 1, ids),
        history.accuracy(e, ids), class_list(history, f.classes));
    found.push_back(std::move(f));
  }
  return found;
}

/// Groups are those of the run that nothing was trained on.
std::vector<Finding> trade_offs(const RunHistory& history) {
  struct Members {
    std::string name;
    std::vector<int32_t> ids;
  };
  std::vector<Members> groups;
  for (const Group& group : history.run().manifest().groups) {
    if (group.role == "train") continue;
    Members members{group.name, {}};
    for (int64_t id = group.begin; id < group.end(); ++id)
      if (history.label(static_cast<int32_t>(id)) >= 0) members.ids.push_back(static_cast<int32_t>(id));
    if (!members.ids.empty()) groups.push_back(std::move(members));
  }
  std::vector<Finding> found;
  const double level = false_alarm_rate / static_cast<double>(std::max<size_t>(
                                              1, history.size() * groups.size() * groups.size()));
  for (const Members& winner : groups)
    for (const Members& loser : groups) {
      if (&winner == &loser) continue;
      std::optional<Finding> best;
      for (size_t e = 1; e < history.size(); ++e) {
        const Turn up = turn(history, e, winner.ids), down = turn(history, e, loser.ids);
        if (!up.is_gain(level) || !down.is_loss(level)) continue;
        const double size = std::min(1.0, 4 * std::min(up.gain(), -down.gain()));
        if (best && best->score >= size) continue;
        best = Finding{"trade_off",
                       history.number(e - 1),
                       history.number(e),
                       frequent_labels(history, down.lost, 3),
                       first_of(down.lost),
                       size,
                       "",
                       history.number(e),
                       "correct"};
        best->text = fmt::format(
            "Between epochs {} and {} group \"{}\" gained at the price of \"{}\": accuracy went from {:.3f} "
            "to "
            "{:.3f} there and from {:.3f} to {:.3f} here; {} samples turned wrong, most of them {}.",
            history.called(best->from), history.called(best->to), winner.name, loser.name,
            history.accuracy(e - 1, winner.ids), history.accuracy(e, winner.ids),
            history.accuracy(e - 1, loser.ids), history.accuracy(e, loser.ids), down.lost.size(),
            class_list(history, best->classes));
      }
      if (best) found.push_back(std::move(*best));
    }
  return found;
}

}  // namespace

std::vector<Finding> find_turns(const RunHistory& history) {
  auto found = forgetting(history);
  for (Finding& f : trade_offs(history)) found.push_back(std::move(f));
  return found;
}

}  // namespace dvi
