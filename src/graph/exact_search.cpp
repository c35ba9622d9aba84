#include "graph/exact_search.h"

#include <algorithm>

#include "core/parallel.h"
#include "graph/cell_search.h"

namespace dvi {

Neighbors search_exactly(const Cells& cells, MatrixView references, MatrixView queries, int k, bool same) {
  const CellSearch search(cells, references, queries, k, same);
  Neighbors out = search.empty();
  std::vector<SearchWork> work(threads());
  // A few cells give a bound that is hardly larger than the k-th distance.
  const int probes = static_cast<int>(std::max<int64_t>(4, cells.count() / 24));
  search.answer_all(
      search.groups(), work,
      [&](QueryGroup group, SearchWork& w) {
        search.open(group, w);
        search.probe(group, probes, k + 8, w);
        search.prove(group, w);
        search.store(group, w, out);
      },
      out);
  return out;
}

}  // namespace dvi
