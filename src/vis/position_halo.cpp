#include "vis/position_halo.h"

#include "comm/shared_for.h"

namespace dvi {
namespace {

constexpr int64_t position_bytes = 2 * sizeof(float);

std::vector<int64_t> begins(const std::vector<int64_t>& counts) {
  std::vector<int64_t> out{0};
  for (const int64_t count : counts) out.push_back(out.back() + count * position_bytes);
  return out;
}

}  // namespace

PositionHalo::PositionHalo(const EdgeList& edges, int64_t n) {
  const int ranks = comm().size();
  if (ranks == 1) return;
  std::vector<bool> read(static_cast<size_t>(n), false);
  for (const int32_t target : edges.target) read[static_cast<size_t>(target)] = true;
  std::vector<int64_t> counts(static_cast<size_t>(ranks), 0);
  for (int rank = 0; rank < ranks; ++rank) {
    if (rank == comm().rank()) continue;
    const RowRange theirs = range_of_rank(n, owned_grain, rank);
    for (int64_t i = theirs.begin; i < theirs.end; ++i) {
      if (!read[static_cast<size_t>(i)]) continue;
      wanted_.push_back(static_cast<int32_t>(i));
      ++counts[static_cast<size_t>(rank)];
    }
  }
  wanted_begin_ = begins(counts);
  sent_ = exchanged(wanted_, counts);
  sent_begin_ = begins(exchanged(std::move(counts), std::vector<int64_t>(static_cast<size_t>(ranks), 1)));
  wanted_values_.resize(2 * wanted_.size());
  sent_values_.resize(2 * sent_.size());
}

void PositionHalo::refresh(MutMatrixView positions) {
  if (comm().size() == 1) return;
  float* to = sent_values_.data();
  for (const int32_t i : sent_) {
    *to++ = positions(i, 0);
    *to++ = positions(i, 1);
  }
  comm().exchange(std::as_bytes(std::span(sent_values_)), sent_begin_, bytes_of(wanted_values_),
                  wanted_begin_);
  const float* came = wanted_values_.data();
  for (const int32_t i : wanted_) {
    positions(i, 0) = *came++;
    positions(i, 1) = *came++;
  }
}

}  // namespace dvi
