// Work on rows, shared by the ranks of the job: each computes its own rows, and gets the others' results.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
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

/// parallel_for (core/parallel.h) over the rows of all ranks: body(begin, end, worker) is called for the
/// pieces of this rank's range, which are the same pieces that one rank would make; then every rank has all
/// rows of the results. The results are therefore the same for any number of ranks. Not to be called by a
/// body, nor by some ranks only.
void shared_for(int64_t n, int64_t grain,
                const std::function<void(int64_t begin, int64_t end, int worker)>& body,
                std::initializer_list<SharedRows> results);

}  // namespace dvi
