#include "graph/exact_search.h"

#include <algorithm>

#include "core/parallel.h"
#include "graph/cell_search.h"

namespace dvi {

Neighbors search_exactly(const Cells& cells, MatrixView references, MatrixView queries, int k, bool same,
                         Queries wanted) {
  CellSearch search(cells, references, queries, k, same);
  const auto groups = search.groups();
  Neighbors found = search.begin_answers(groups);
  std::vector<SearchWork> work(threads());
  // A few cells give a bound that is hardly larger than the k-th distance.
  const int probes = static_cast<int>(std::max<int64_t>(4, cells.count() / 24));
  CellSearch::answer(groups, work, [&](QueryGroup group, SearchWork& w) {
    search.open(group, w);
    search.probe(group, probes, k + 8, w);
    search.prove(group, w);
    search.store(group, w, found);
  });
  return search.delivered(std::move(found), groups, wanted);
}

}  // namespace dvi
