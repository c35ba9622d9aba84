#include "project/scan_search.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "graph/neighbor_index.h"

namespace dvi {
namespace {

TEST(ScanSearch, GivesWhatTheIndexGives) {
  Random random(3);
  Matrix references(3000, 70), queries(40, 70);
  for (Matrix* m : {&references, &queries})
    for (int64_t i = 0; i < m->rows() * m->cols(); ++i) m->data()[i] = static_cast<float>(random.normal());
  // Ties: the same reference twice, and a query that is one.
  std::copy_n(references.row(10), 70, references.row(2000));
  std::copy_n(references.row(10), 70, queries.row(0));
  const Neighbors scanned = scan_nearest(references, queries, 15);
  const Neighbors exact = NeighborIndex(references).exact(queries, 15, false);
  EXPECT_EQ(scanned.index, exact.index);
  EXPECT_EQ(scanned.distance, exact.distance);
  EXPECT_EQ(scanned.row(0)[0], 10);
  EXPECT_EQ(scanned.row(0)[1], 2000);
}

}  // namespace
}  // namespace dvi
