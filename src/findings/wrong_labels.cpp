// Wrong labels and their memorisation.
//
// A label that most neighbours in feature space contradict is either wrong or hard (Wilson, 1972). Hard ones
// are as frequent among held-out samples as among those trained on, wrong ones are not, since somebody looked
// at the test labels or at least trained on none of them. So it is the difference between the two that tells:
// exchange of the two groups gives its distribution. Memorisation (Arpit et al., ICML 2017) then is that
// contradicted train samples are predicted as labelled more than they were, and more than contradicted
// held-out samples are.
#include <algorithm>
#include <cmath>

#include "findings/detectors.h"
#include "findings/statistics.h"
#include "query/suspects.h"

namespace dvi {
namespace {

// Less is not worth a finding, whatever its significance.
constexpr double least_excess = 0.01, least_memorised = 0.005;

/// Samples whose label their neighbours contradict at an epoch, of all given.
struct Contradicted {
  std::vector<int32_t> ids;
  int64_t of = 0;
  auto count() const { return static_cast<int64_t>(ids.size()); }
  double share() const { return of == 0 ? 0 : static_cast<double>(count()) / static_cast<double>(of); }
};

Contradicted contradicted(const RunHistory& history, size_t e, std::span<const int32_t> ids) {
  Contradicted found{{}, static_cast<int64_t>(ids.size())};
  for (const int32_t id : ids)
    if (history.contradicted(e, id)) found.ids.push_back(id);
  return found;
}

double excess(const Contradicted& train, const Contradicted& held_out) {
  return train.share() - held_out.share();
}

/// The first epoch at which more of `train` are predicted as labelled than at the lowest epoch before it, by
/// more than of `held_out`; and that lowest epoch.
struct Onset {
  size_t epoch, lowest;
};
std::optional<Onset> find_onset(const RunHistory& history, const Contradicted& train,
                                const Contradicted& held_out, double level) {
  size_t lowest = 0;
  for (size_t e = 0; e < history.size(); ++e) {
    // By chance a sample comes to be predicted as labelled as often as it ceases to be (sign test).
    int64_t gained = 0, lost = 0;
    for (const int32_t id : train.ids) {
      gained += history.right(e, id) && !history.right(lowest, id);
      lost += !history.right(e, id) && history.right(lowest, id);
    }
    const auto rise = static_cast<double>(gained - lost);
    if (rise >= least_memorised * static_cast<double>(train.of) &&
        rise / static_cast<double>(train.count()) >
            history.accuracy(e, held_out.ids) - history.accuracy(lowest, held_out.ids) &&
        binomial_tail(gained, gained + lost, 0.5) < level)
      return Onset{e, lowest};
    if (gained <= lost) lowest = e;
  }
  return std::nullopt;
}

/// The samples that the suspects ranking takes for wrongly labelled, as many as the excess says there are.
std::vector<int32_t> suspected(const RunHistory& history, double share) {
  const auto wanted =
      std::min<size_t>(1000, static_cast<size_t>(share * static_cast<double>(history.train().size())));
  std::vector<int32_t> ids;
  for (const Suspect& s : SuspectRanking(history.run(), history.view()).top(2 * wanted)) {
    if (ids.size() == wanted) break;
    if (history.run().manifest().group_of(s.id).role == "train") ids.push_back(s.id);
  }
  return ids;
}

}  // namespace

std::vector<Finding> find_wrong_labels(const RunHistory& history) {
  if (history.held_out().empty()) return {};
  const double level = false_alarm_rate / static_cast<double>(std::max<size_t>(1, history.size()));
  std::optional<size_t> first, clearest;
  Contradicted t, h;  // at the clearest epoch
  for (size_t e = 0; e < history.size(); ++e) {
    Contradicted train = contradicted(history, e, history.train()),
                 held_out = contradicted(history, e, history.held_out());
    if (excess(train, held_out) < least_excess ||
        exchange_tail(train.count(), train.of, held_out.count(), held_out.of) >= level)
      continue;
    if (!first) first = e;
    if (!clearest || excess(train, held_out) > excess(t, h)) {
      clearest = e;
      t = std::move(train);
      h = std::move(held_out);
    }
  }
  if (!first) return {};
  std::vector<Finding> found;
  const double wrong = excess(t, h) / std::max(1e-9, 1 - h.share());
  const size_t last = history.size() - 1;
  Finding noise{"label_noise",
                history.number(*first),
                history.number(last),
                {},
                suspected(history, wrong),
                std::min(1.0, 2 * wrong),
                "",
                history.number(*clearest),
                "label"};
  noise.classes = frequent_labels(history, noise.samples, 3);
  noise.text = fmt::format(
      "About {:.0f} % of the training labels seem to be wrong: the nearest neighbours contradict {:.0f} % of "
      "them, but only {:.0f} % of the held-out labels (epoch {}). This shows since epoch {}.",
      100 * wrong, 100 * t.share(), 100 * h.share(), history.called(history.number(*clearest)),
      history.called(history.number(*first)));
  found.push_back(noise);

  const auto onset = find_onset(history, t, h, level);
  if (!onset) return found;
  Finding memorised{"memorisation",
                    history.number(onset->epoch),
                    history.number(last),
                    noise.classes,
                    {},
                    history.accuracy(last, t.ids),
                    "",
                    history.number(last),
                    "label"};
  for (const int32_t id : noise.samples)
    if (history.right(last, id)) memorised.samples.push_back(id);
  size_t best = 0;
  for (size_t e = 0; e < history.size(); ++e)
    if (history.accuracy(e, history.held_out()) > history.accuracy(best, history.held_out())) best = e;
  memorised.text = fmt::format(
      "Wrong labels are being memorised since epoch {}: of the training samples whose label their neighbours "
      "contradict, {:.0f} % were predicted as labelled at epoch {} and {:.0f} % at epoch {}.",
      history.called(memorised.from), 100 * history.accuracy(onset->lowest, t.ids),
      history.called(history.number(onset->lowest)), 100 * history.accuracy(last, t.ids),
      history.called(memorised.to));
  if (best != last)
    memorised.text +=
        fmt::format(" Held-out accuracy went from {:.3f} (epoch {}) to {:.3f}.",
                    history.accuracy(best, history.held_out()), history.called(history.number(best)),
                    history.accuracy(last, history.held_out()));
  found.push_back(memorised);
  return found;
}

}  // namespace dvi
