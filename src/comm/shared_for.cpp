#include "comm/shared_for.h"

#include <algorithm>
#include <numeric>

#include "core/parallel.h"

namespace dvi {

RowRange range_of_rank(int64_t n, int64_t grain, int rank) {
  const int64_t pieces = (n + grain - 1) / grain, ranks = comm().size();
  return {std::min(n, pieces * rank / ranks * grain), std::min(n, pieces * (rank + 1) / ranks * grain)};
}

RowRange own_range(int64_t n, int64_t grain) { return range_of_rank(n, grain, comm().rank()); }

void gather_shared(int64_t n, int64_t grain, SharedRows rows) {
  const int ranks = comm().size();
  if (ranks == 1) return;
  std::vector<int64_t> begin(static_cast<size_t>(ranks) + 1, 0);
  for (int r = 0; r < ranks; ++r)
    begin[static_cast<size_t>(r) + 1] = range_of_rank(n, grain, r).end * rows.row_bytes;
  comm().gather({rows.data, static_cast<size_t>(n * rows.row_bytes)}, begin);
}

void shared_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t, int)>& body,
                std::initializer_list<SharedRows> results) {
  const RowRange own = own_range(n, grain);
  parallel_for(own.size(), grain, [&](int64_t begin, int64_t end, int worker) {
    body(own.begin + begin, own.begin + end, worker);
  });
  for (const SharedRows& rows : results) gather_shared(n, grain, rows);
}

double sum_of_owned(int64_t n, const std::function<double(int64_t, int64_t)>& of_rows) {
  const int64_t pieces = (n + owned_grain - 1) / owned_grain;
  std::vector<double> sums(static_cast<size_t>(pieces), 0);
  // A piece of rows is owned by the rank that has it among the pieces.
  shared_for(pieces, 1,
             [&](int64_t piece, int64_t, int) {
               sums[static_cast<size_t>(piece)] =
                   of_rows(piece * owned_grain, std::min(n, (piece + 1) * owned_grain));
             },
             {shared_rows(sums)});
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace dvi
