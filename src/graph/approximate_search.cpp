#include "graph/approximate_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "core/random.h"
#include "graph/cell_search.h"

namespace dvi {
namespace {

/// The share of the k true hits that was found; one as far as the last of them is as good.
double share_of(float squared_of_last, int k, const std::vector<Hit>& found) {
  const auto count =
      std::ranges::count_if(found, [&](const Hit& hit) { return hit.squared <= squared_of_last; });
  return static_cast<double>(count) / k;
}

/// A group of queries, and the truth of some of them: the squared distance of the last of the k nearest.
struct Trial {
  static constexpr int64_t most_asked = 16;
  QueryGroup group, asked;
  std::array<float, most_asked> squared_of_last{};
};

/// About `asked` queries, of many groups: neighbours in number are alike.
std::vector<Trial> draw_trials(const CellSearch& search, const std::vector<QueryGroup>& groups, int64_t asked,
                               int kept, Random& random, std::vector<SearchWork>& work) {
  std::vector<Trial> trials;
  for (int64_t count = 0; count < asked; count += trials.back().asked.size()) {
    const QueryGroup group = groups[random.below(groups.size())];
    const int64_t size = std::min(Trial::most_asked, group.size());
    const int64_t begin =
        group.begin + static_cast<int64_t>(random.below(static_cast<uint64_t>(group.size() - size + 1)));
    trials.push_back({group, {begin, begin + size}});
  }
  shared_for(std::ssize(trials), 1,
             [&](int64_t t, int64_t, int worker) {
               Trial& trial = trials[static_cast<size_t>(t)];
               auto& w = work[static_cast<size_t>(worker)];
               search.open(trial.asked, w);
               search.probe(trial.asked, 1, kept, w);
               search.prove(trial.asked, w);
               for (size_t i = 0; i < static_cast<size_t>(trial.asked.size()); ++i)
                 trial.squared_of_last[i] = w.hits[i].back().squared;
             },
             {shared_rows(trials)});
  return trials;
}

/// How far each group looks.
struct Effort {
  int probes, kept;  // see CellSearch::probe()
};

double asked_in(const std::vector<Trial>& trials) {
  return std::accumulate(trials.begin(), trials.end(), 0.0, [](double sum, const Trial& trial) {
    return sum + static_cast<double>(trial.asked.size());
  });
}

/// The mean share of true neighbours that groups find with this effort.
double recall_of(const CellSearch& search, const std::vector<Trial>& trials, Effort effort,
                 std::vector<SearchWork>& work) {
  std::vector<double> share(trials.size());
  shared_for(std::ssize(trials), 1,
             [&](int64_t t, int64_t, int worker) {
               const Trial& trial = trials[static_cast<size_t>(t)];
               auto& w = work[static_cast<size_t>(worker)];
               search.open(trial.group, w);
               search.probe(trial.group, effort.probes, effort.kept, w);
               for (int64_t i = 0; i < trial.asked.size(); ++i)
                 share[static_cast<size_t>(t)] +=
                     share_of(trial.squared_of_last[static_cast<size_t>(i)], search.k(),
                              w.hits[static_cast<size_t>(trial.asked.begin - trial.group.begin + i)]);
             },
             {shared_rows(share)});
  return std::accumulate(share.begin(), share.end(), 0.0) / asked_in(trials);
}

/// Grown until the recall is reached, each time by what helps more.
Effort least_effort(const CellSearch& search, const Cells& cells, const std::vector<Trial>& trials, int k,
                    double recall, std::vector<SearchWork>& work) {
  const auto reached = [&](Effort effort) { return recall_of(search, trials, effort, work); };
  Effort effort{4, 2 * k};
  double found = reached(effort);
  while (found < recall && effort.probes < cells.count()) {
    const Effort wider{effort.probes + (effort.probes + 1) / 2, effort.kept},
        deeper{effort.probes, 2 * effort.kept};
    const double by_wider = reached(wider), by_deeper = reached(deeper);
    effort = by_deeper > by_wider ? deeper : wider;
    found = std::max(by_deeper, by_wider);
  }
  return effort;
}

/// The same of what was answered; `found`: of this rank's queries.
double recall_of(const CellSearch& search, const std::vector<Trial>& trials, const Neighbors& found,
                 std::vector<SearchWork>& work) {
  std::vector<int64_t> share(trials.size(),
                             0);  // a double's bits of the one rank that answered, and 0 of others
  parallel_for(std::ssize(trials), 1, [&](int64_t t, int64_t, int worker) {
    const Trial& trial = trials[static_cast<size_t>(t)];
    if (!search.answered_here(trial.group.begin)) return;
    auto& w = work[static_cast<size_t>(worker)];
    search.open(trial.asked, w);
    search.load(trial.asked, found, w);
    double sum = 0;
    for (size_t i = 0; i < static_cast<size_t>(trial.asked.size()); ++i)
      sum += share_of(trial.squared_of_last[i], search.k(), w.hits[i]);
    share[static_cast<size_t>(t)] = std::bit_cast<int64_t>(sum);
  });
  comm().sum(share);
  double sum = 0;
  for (const int64_t bits : share) sum += std::bit_cast<double>(bits);
  return sum / asked_in(trials);
}

}  // namespace

FoundNeighbors search_approximately(const Cells& cells, MatrixView references, MatrixView queries, int k,
                                    bool same, Queries wanted) {
  constexpr double least_recall = 0.99, margin = 0.004;
  constexpr int64_t asked = 1000;
  CellSearch search(cells, references, queries, k, same);
  std::vector<SearchWork> work(threads());
  const auto groups = search.groups();

  Random random(1, 0xa99);
  const auto draw = [&] {
    return draw_trials(search, groups, std::min(asked, queries.rows), k + 8, random, work);
  };
  const auto trials = draw(), judges = draw();
  Effort effort = least_effort(search, cells, trials, k, least_recall + margin, work);
  while (true) {
    Neighbors found = search.begin_answers(groups);
    CellSearch::answer(groups, work, [&](QueryGroup group, SearchWork& w) {
      search.open(group, w);
      search.probe(group, effort.probes, effort.kept, w);
      search.store(group, w, found);
    });
    const double recall = recall_of(search, judges, found, work);
    if (recall >= least_recall || effort.probes >= cells.count())
      return {search.delivered(std::move(found), groups, wanted), recall};
    effort = {2 * effort.probes, 2 * effort.kept};
  }
}

}  // namespace dvi
