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

/// As few cells as reach the recall on some groups of queries, with the same for each group.
int cells_to_probe(const CellSearch& search, const Cells& cells, const std::vector<QueryGroup>& trial,
                   std::vector<SearchWork>& work, int kept, double recall) {
  const auto total = std::accumulate(trial.begin(), trial.end(), int64_t{0},
                                     [](int64_t sum, QueryGroup g) { return sum + g.size(); });
  int probes = 8;
  for (; probes < cells.count(); probes *= 2) {
    std::vector<double> share(trial.size());
    shared_for(static_cast<int64_t>(trial.size()), 1,
               [&](int64_t t, int64_t, int worker) {
                 auto& w = work[worker];
                 search.open(trial[t], w);
                 search.probe(trial[t], probes, kept, w);
                 const auto found = w.hits;
                 search.prove(trial[t], w);
                 for (int64_t i = 0; i < trial[t].size(); ++i) share[t] += share_of(w.hits[i], found[i]);
               },
               {shared_rows(share)});
    if (std::accumulate(share.begin(), share.end(), 0.0) >= recall * static_cast<double>(total)) break;
  }
  return probes;
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
  const int kept = 16 * k;
  CellSearch search(cells, references, queries, k, same);
  std::vector<SearchWork> work(threads());
  const auto groups = search.groups();

  Random random(1, 0xa99);
  std::vector<QueryGroup> trial;
  for (int64_t count = 0; count < std::min(asked, queries.rows); count += trial.back().size())
    trial.push_back(groups[random.below(groups.size())]);
  int probes = cells_to_probe(search, cells, trial, work, kept, least_recall + margin);
  while (true) {
    Neighbors found = search.begin_answers(groups);
    CellSearch::answer(groups, work, [&](QueryGroup group, SearchWork& w) {
      search.open(group, w);
      search.probe(group, probes, kept, w);
      search.store(group, w, found);
    });
    // Judged on other queries than were tried.
    std::vector<int64_t> judged(std::min(asked, queries.rows));
    for (auto& row : judged) row = static_cast<int64_t>(random.below(static_cast<uint64_t>(queries.rows)));
    const double recall = recall_of(search, found, judged, work);
    if (recall >= least_recall || probes >= cells.count())
      return {search.delivered(std::move(found), groups, wanted), recall};
    probes *= 2;
  }
}

}  // namespace dvi
