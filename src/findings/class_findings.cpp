// Classes: pairs that stay confused, classes that separate late or never, classes whose territory shifts.
#include <algorithm>

#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {
namespace {

constexpr double least_confused = 0.05;  // of the two classes' samples
constexpr size_t most_pairs = 5, most_shifts = 3;
constexpr double least_shift = 0.25;  // of a class's samples
constexpr double nearly = 0.8;        // of the best accuracy

/// Judged samples by label and prediction at an epoch.
class ConfusionCounts {
 public:
  ConfusionCounts(const RunHistory& history, size_t e)
      : classes_(static_cast<size_t>(history.classes())), counts_(classes_ * classes_, 0) {
    for (const int32_t id : history.judged())
      ++counts_[static_cast<size_t>(history.label(id)) * classes_ +
                static_cast<size_t>(history.prediction(e, id))];
  }
  int64_t operator()(size_t label, size_t prediction) const { return counts_[label * classes_ + prediction]; }
  int64_t labelled(size_t label) const {
    int64_t sum = 0;
    for (size_t c = 0; c < classes_; ++c) sum += (*this)(label, c);
    return sum;
  }
  int64_t wrong(size_t label) const { return labelled(label) - (*this)(label, label); }

 private:
  size_t classes_;
  std::vector<int64_t> counts_;
};

std::vector<Finding> confusions(const RunHistory& history, const std::vector<ConfusionCounts>& counts) {
  const size_t last = history.size() - 1;
  const auto classes = static_cast<size_t>(history.classes());
  const double pairs = static_cast<double>(classes * (classes - 1)) / 2;
  std::vector<Finding> found;
  for (size_t a = 0; a < classes && classes > 2; ++a)
    for (size_t b = a + 1; b < classes; ++b) {
      const auto confused = [&](size_t e) { return counts[e](a, b) + counts[e](b, a); };
      const int64_t of = counts[last].labelled(a) + counts[last].labelled(b);
      const auto clearly = [&](size_t e) { return share_low(confused(e), of) >= least_confused; };
      // By chance each error falls on any of the other classes.
      const int64_t errors = counts[last].wrong(a) + counts[last].wrong(b);
      if (!clearly(last) || binomial_tail(confused(last), errors, 1 / static_cast<double>(classes - 1)) >=
                                false_alarm_rate / pairs)
        continue;
      size_t since = last;
      while (since > 0 && clearly(since - 1)) --since;
      Finding f{"confusion",
                history.number(since),
                history.number(last),
                {static_cast<int32_t>(a), static_cast<int32_t>(b)},
                {},
                std::min(1.0, 3 * static_cast<double>(confused(last)) / static_cast<double>(of)),
                "",
                history.number(last),
                "prediction"};
      for (const int32_t id : history.judged()) {
        const auto l = static_cast<size_t>(history.label(id)),
                   p = static_cast<size_t>(history.prediction(last, id));
        if (((l == a && p == b) || (l == b && p == a)) && f.samples.size() < 1000) f.samples.push_back(id);
      }
      f.text = fmt::format(
          "{} and {} are still confused at epoch {}, {}: {} of the one and {} of the other are mistaken, "
          "{:.0f} % of "
          "both.",
          history.name(f.classes[0]), history.name(f.classes[1]), history.called(f.to),
          since == 0 ? "as from the beginning" : fmt::format("as since epoch {}", history.called(f.from)),
          counts[last](a, b), counts[last](b, a),
          100 * static_cast<double>(confused(last)) / static_cast<double>(of));
      found.push_back(std::move(f));
    }
  std::stable_sort(found.begin(), found.end(), [](auto& x, auto& y) { return x.score > y.score; });
  if (found.size() > most_pairs) found.resize(most_pairs);
  return found;
}

std::vector<Finding> late_classes(const RunHistory& history, const std::vector<ConfusionCounts>& counts) {
  const auto classes = static_cast<size_t>(history.classes());
  const size_t never = history.size();
  // The first epoch from which on more than half of a class is recognised, with 95 % confidence.
  std::vector<size_t> since;
  for (size_t c = 0; c < classes; ++c) {
    size_t e = never;
    while (e > 0 && share_low(counts[e - 1](c, c), counts[e - 1].labelled(c)) > 0.5) --e;
    since.push_back(e);
  }
  std::vector<size_t> order = since;
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(classes / 2), order.end());
  const size_t usual = order[classes / 2];
  std::vector<Finding> found;
  if (usual == never) return found;  // most classes are still on their way
  for (size_t c = 0; c < classes; ++c) {
    const size_t last = history.size() - 1;
    // "Never" needs confidence too: less than half is recognised in the end.
    const bool is_never = since[c] == never && share_high(counts[last](c, c), counts[last].labelled(c)) < 0.5;
    const bool is_late = since[c] != never && since[c] >= usual + std::max<size_t>(2, history.size() / 4);
    if (!is_never && !is_late) continue;
    Finding f{"late_class",
              history.number(0),
              history.number(is_never ? last : since[c]),
              {static_cast<int32_t>(c)},
              {},
              is_never ? 1.0 : static_cast<double>(since[c] - usual) / static_cast<double>(history.size()),
              "",
              history.number(is_never ? last : since[c] - 1),
              "prediction"};
    const auto at = is_never ? last : since[c] - 1;
    for (const int32_t id : history.judged())
      if (history.label(id) == static_cast<int32_t>(c) && !history.right(at, id) && f.samples.size() < 1000)
        f.samples.push_back(id);
    const double recall = static_cast<double>(counts[at](c, c)) /
                          static_cast<double>(std::max<int64_t>(1, counts[at].labelled(c)));
    f.text = is_never
                 ? fmt::format(
                       "{} has not separated: at epoch {} only {:.0f} % of it is recognised, while half of "
                       "the classes were by epoch {}.",
                       history.name(f.classes[0]), history.called(f.to), 100 * recall,
                       history.called(history.number(usual)))
                 : fmt::format(
                       "{} separated late, at epoch {}: half of the classes had by epoch {}; the epoch "
                       "before only {:.0f} % of it was recognised.",
                       history.name(f.classes[0]), history.called(f.to),
                       history.called(history.number(usual)), 100 * recall);
    found.push_back(std::move(f));
  }
  return found;
}

/// Once the classifier is nearly as good as it gets, classes are not to win or lose a quarter of their size
/// in one step; before, they have yet to find their place.
std::vector<Finding> territory_shifts(const RunHistory& history, const std::vector<ConfusionCounts>& counts) {
  const auto classes = static_cast<size_t>(history.classes());
  std::vector<Finding> found;
  const double level = false_alarm_rate / static_cast<double>(classes * history.size());
  double best = 0;
  for (size_t e = 0; e < history.size(); ++e) best = std::max(best, history.accuracy(e, history.judged()));
  for (size_t e = 1; e < history.size(); ++e) {
    if (history.accuracy(e - 1, history.judged()) < nearly * best) continue;
    for (size_t c = 0; c < classes; ++c) {
      std::vector<int32_t> in, out;
      for (const int32_t id : history.judged()) {
        const bool was = history.prediction(e - 1, id) == static_cast<int32_t>(c),
                   is = history.prediction(e, id) == static_cast<int32_t>(c);
        if (is && !was) in.push_back(id);
        if (was && !is) out.push_back(id);
      }
      const auto &more = in.size() > out.size() ? in : out, &less = in.size() > out.size() ? out : in;
      const double size = static_cast<double>(more.size() - less.size()) /
                          static_cast<double>(std::max<int64_t>(1, counts[e].labelled(c)));
      if (size < least_shift || 2 * binomial_tail(static_cast<int64_t>(more.size()),
                                                  static_cast<int64_t>(in.size() + out.size()), 0.5) >=
                                    level)
        continue;
      Finding f{"territory_shift",
                history.number(e - 1),
                history.number(e),
                {static_cast<int32_t>(c)},
                more,
                std::min(1.0, size),
                "",
                history.number(e),
                "prediction"};
      if (f.samples.size() > 1000) f.samples.resize(1000);
      f.text = fmt::format(
          "{} {} territory between epochs {} and {}: {} samples came under it and {} left, {:.0f} % "
          "of the class's size.",
          history.name(f.classes[0]), in.size() > out.size() ? "won" : "lost", history.called(f.from),
          history.called(f.to), in.size(), out.size(), 100 * size);
      found.push_back(std::move(f));
    }
  }
  std::stable_sort(found.begin(), found.end(), [](auto& x, auto& y) { return x.score > y.score; });
  if (found.size() > most_shifts) found.resize(most_shifts);
  return found;
}

}  // namespace

std::vector<Finding> find_class_findings(const RunHistory& history) {
  if (history.size() == 0 || history.judged().empty()) return {};
  std::vector<ConfusionCounts> counts;
  for (size_t e = 0; e < history.size(); ++e) counts.emplace_back(history, e);
  auto found = confusions(history, counts);
  for (auto&& more : {late_classes(history, counts), territory_shifts(history, counts)})
    found.insert(found.end(), more.begin(), more.end());
  return found;
}

}  // namespace dvi
