#include "graph/approximate_search.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "core/random.h"
#include "graph/cell_search.h"

namespace dvi {
namespace {

/// The share of the true hits that was found; equally far ones are as good.
double share_of(const std::vector<Hit>& truth, const std::vector<Hit>& found) {
  int count = 0;
  for (size_t t = 0; t < found.size(); ++t)
    count += static_cast<int>(found[t].squared <= truth.back().squared);
  return static_cast<double>(count) / static_cast<double>(truth.size());
}

/// A group of queries, and the true neighbours of some of them.
struct Trial {
  QueryGroup group, asked;
  std::vector<std::vector<Hit>> truth;  // of those asked
};

/// About `asked` queries, of many groups: neighbours in number are alike.
std::vector<Trial> draw_trials(const CellSearch& search, const std::vector<QueryGroup>& groups, int64_t asked,
                               int kept, Random& random, std::vector<SearchWork>& work) {
  constexpr int64_t of_a_group = 16;
  std::vector<Trial> trials;
  for (int64_t count = 0; count < asked; count += trials.back().asked.size()) {
    const QueryGroup group = groups[random.below(groups.size())];
    const int64_t size = std::min(of_a_group, group.size());
    const int64_t begin =
        group.begin + static_cast<int64_t>(random.below(static_cast<uint64_t>(group.size() - size + 1)));
    trials.push_back({group, {begin, begin + size}, {}});
  }
  // Every rank needs the truth of all.
  parallel_for(std::ssize(trials), 1, [&](int64_t t, int64_t, int worker) {
    Trial& trial = trials[static_cast<size_t>(t)];
    auto& w = work[static_cast<size_t>(worker)];
    search.open(trial.asked, w);
    search.probe(trial.asked, 1, kept, w);
    search.prove(trial.asked, w);
    trial.truth.assign(w.hits.begin(), w.hits.begin() + trial.asked.size());
  });
  return trials;
}

/// How far each group looks.
struct Effort {
  int probes, kept;  // see CellSearch::probe()
};

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
                     share_of(trial.truth[static_cast<size_t>(i)],
                              w.hits[static_cast<size_t>(trial.asked.begin - trial.group.begin + i)]);
             },
             {shared_rows(share)});
  double sum = 0, asked = 0;
  for (size_t t = 0; t < trials.size(); ++t) {
    sum += share[t];
    asked += static_cast<double>(trials[t].asked.size());
  }
  return sum / asked;
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

/// The mean share of true neighbours that was found, over the given queries. `found`: of this rank's.
double recall_of(const CellSearch& search, const Neighbors& found, const std::vector<int64_t>& asked,
                 std::vector<SearchWork>& work) {
  // Bits of doubles: each is worked out by one rank, and 0 of the others.
  std::vector<int64_t> share(asked.size(), 0);
  parallel_for(std::ssize(asked), 1, [&](int64_t q, int64_t, int worker) {
    if (!search.answered_here(asked[q])) return;
    auto& w = work[worker];
    const QueryGroup group{asked[q], asked[q] + 1};
    search.open(group, w);
    search.load(group, found, w);
    const auto stored = w.hits[0];
    search.prove(group, w);
    share[q] = std::bit_cast<int64_t>(share_of(w.hits[0], stored));
  });
  comm().sum(share);
  return std::accumulate(share.begin(), share.end(), 0.0,
                         [](double sum, int64_t bits) { return sum + std::bit_cast<double>(bits); }) /
         static_cast<double>(asked.size());
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
  const auto trials = draw_trials(search, groups, std::min(asked, queries.rows), k + 8, random, work);
  Effort effort = least_effort(search, cells, trials, k, least_recall + margin, work);
  while (true) {
    Neighbors found = search.begin_answers(groups);
    CellSearch::answer(groups, work, [&](QueryGroup group, SearchWork& w) {
      search.open(group, w);
      search.probe(group, effort.probes, effort.kept, w);
      search.store(group, w, found);
    });
    // Judged on other queries than were tried.
    std::vector<int64_t> judged(std::min(asked, queries.rows));
    for (auto& row : judged) row = static_cast<int64_t>(random.below(static_cast<uint64_t>(queries.rows)));
    const double recall = recall_of(search, found, judged, work);
    if (recall >= least_recall || effort.probes >= cells.count())
      return {search.delivered(std::move(found), groups, wanted), recall};
    effort = {2 * effort.probes, 2 * effort.kept};
  }
}

}  // namespace dvi
