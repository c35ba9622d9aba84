// Work on rows, shared by the ranks of the job: each computes its own rows, and gets the others' results.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "comm/comm.h"
#include "core/matrix.h"

namespace dvi {

struct RowRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

/// The rows of [0, n) that rank `rank` computes: whole pieces of `grain` rows, as even as they go.
RowRange range_of_rank(int64_t n, int64_t grain, int rank);
RowRange own_range(int64_t n, int64_t grain = 1);

/// Rows of which every rank keeps its own only, because all of them would be large: RowRanges of pieces of
/// this many rows.
constexpr int64_t owned_grain = 256;
inline RowRange owned_rows(int64_t n) { return own_range(n, owned_grain); }

/// Rows that go through networks and the subject model in pieces of so many, which ranks share as a whole:
/// what comes out of a piece may depend on its rows by rounding.
constexpr int64_t pass_grain = 4096;
inline RowRange passed_rows(int64_t n) { return own_range(n, pass_grain); }

/// An array of n rows of equal length, of which each rank fills its own.
struct SharedRows {
  std::byte* data = nullptr;
  int64_t row_bytes = 0;
};
template <typename T>
SharedRows shared_rows(std::vector<T>& values, int64_t row_length = 1) {
  return {reinterpret_cast<std::byte*>(values.data()), row_length * static_cast<int64_t>(sizeof(T))};
}
template <typename T, typename Allocator>
SharedRows shared_rows(std::vector<T, Allocator>& values, int64_t row_length) {
  return {reinterpret_cast<std::byte*>(values.data()), row_length * static_cast<int64_t>(sizeof(T))};
}
inline SharedRows shared_rows(MutMatrixView values) {
  return {reinterpret_cast<std::byte*>(values.data), values.cols * static_cast<int64_t>(sizeof(float))};
}

/// Every rank has filled range_of_rank(n, grain, its rank) of `rows`; now each has all rows.
void gather_shared(int64_t n, int64_t grain, SharedRows rows);

/// The same of owned rows.
inline void gather_owned(MutMatrixView rows) { gather_shared(rows.rows, owned_grain, shared_rows(rows)); }

/// parallel_for (core/parallel.h) over the rows of all ranks: body(begin, end, worker) is called for the
/// pieces of this rank's range, which are the same pieces that one rank would make; then every rank has all
/// rows of the results. The results are therefore the same for any number of ranks. Not to be called by a
/// body, nor by some ranks only.
void shared_for(int64_t n, int64_t grain,
                const std::function<void(int64_t begin, int64_t end, int worker)>& body,
                std::initializer_list<SharedRows> results);

/// Sum over all n rows, of which of_rows(begin, end) tells that of some owned ones, in parallel; the same for
/// any number of ranks.
double sum_of_owned(int64_t n, const std::function<double(int64_t begin, int64_t end)>& of_rows);

/// `items` are in the order of the ranks that they are for, counts[r] for rank r. Returns those for this
/// rank, in the order of the ranks that they come from.
template <typename T>
std::vector<T> exchanged(std::vector<T> items, std::span<const int64_t> counts, Comm& job = comm()) {
  if (job.size() == 1) return items;
  const auto ranks = static_cast<size_t>(job.size());
  std::vector<int64_t> to(ranks + 1, 0), from(ranks + 1, 0), each(ranks + 1), sent(ranks), coming(ranks);
  for (size_t r = 0; r < ranks; ++r) {
    sent[r] = counts[r] * static_cast<int64_t>(sizeof(T));
    to[r + 1] = to[r] + sent[r];
    each[r + 1] = static_cast<int64_t>((r + 1) * sizeof(int64_t));
  }
  job.exchange(std::as_bytes(std::span(sent)), each, bytes_of(coming), each);
  for (size_t r = 0; r < ranks; ++r) from[r + 1] = from[r] + coming[r];
  std::vector<T> out(static_cast<size_t>(from.back()) / sizeof(T));
  job.exchange(std::as_bytes(std::span(items)), to, bytes_of(out), from);
  return out;
}

/// Of rows that each rank has its own of: rank 0 gets all, the others none.
template <typename T>
std::vector<T> collected(std::vector<T> owned) {
  std::vector<int64_t> counts(static_cast<size_t>(comm().size()), 0);
  counts[0] = static_cast<int64_t>(owned.size());
  return exchanged(std::move(owned), counts);
}

}  // namespace dvi
