#include "vis/training_features.h"

#include <algorithm>

#include "comm/shared_for.h"

namespace dvi {

TrainingFeatures::TrainingFeatures(const FeatureUnits& units, MatrixView samples, MatrixView more, int64_t m)
    : job_(comm()), samples_(samples.rows), more_(m) {
  const RowRange own = owned_rows(samples_);
  own_ = Matrix(own.size() + more.rows, units.dimensions());
  units.to_units(samples.slice(own.begin, own.size()), own_.mut().slice(0, own.size()));
  units.to_units(more, own_.mut().slice(own.size(), more.rows));
  for (int rank = 0; rank < job_.size(); ++rank) {
    sample_ends_.push_back(range_of_rank(samples_, owned_grain, rank).end);
    more_ends_.push_back(range_of_rank(more_, pass_grain, rank).end);
  }
}

TrainingFeatures::Place TrainingFeatures::place_of(int32_t row) const {
  const bool is_sample = row < samples_;
  const int64_t at = is_sample ? row : row - samples_;
  const std::vector<int64_t>& ends = is_sample ? sample_ends_ : more_ends_;
  const auto rank = static_cast<size_t>(std::ranges::upper_bound(ends, at) - ends.begin());
  const auto begin = [&](const std::vector<int64_t>& of) { return rank == 0 ? 0 : of[rank - 1]; };
  const int64_t before = is_sample ? 0 : sample_ends_[rank] - begin(sample_ends_);
  return {static_cast<int>(rank), static_cast<int32_t>(before + at - begin(ends))};
}

Matrix TrainingFeatures::of(std::span<const int32_t> rows) const {
  const auto ranks = static_cast<size_t>(job_.size());
  if (ranks == 1) return gather_rows(own_, rows);
  std::vector<std::vector<int32_t>> wanted(ranks), from(ranks);  // of each rank; where they come to
  for (size_t i = 0; i < rows.size(); ++i) {
    const Place place = place_of(rows[i]);
    wanted[static_cast<size_t>(place.rank)].push_back(place.row);
    from[static_cast<size_t>(place.rank)].push_back(static_cast<int32_t>(i));
  }
  std::vector<int64_t> wanted_count;
  std::vector<int32_t> questions;
  for (const auto& of_rank : wanted) {
    wanted_count.push_back(std::ssize(of_rank));
    questions.insert(questions.end(), of_rank.begin(), of_rank.end());
  }
  const std::vector<int64_t> one_each(ranks, 1);
  std::vector<int64_t> asked_count = exchanged(wanted_count, one_each, job_);
  const Matrix answers = gather_rows(own_, exchanged(std::move(questions), wanted_count, job_));
  for (int64_t& count : asked_count) count *= dimensions();
  const auto numbers = answers.view().span();
  const std::vector<float> got =
      exchanged(std::vector<float>(numbers.begin(), numbers.end()), asked_count, job_);
  Matrix out(std::ssize(rows), dimensions());
  const float* next = got.data();
  for (const auto& of_rank : from)
    for (const int32_t i : of_rank) {
      std::copy_n(next, dimensions(), out.row(i));
      next += dimensions();
    }
  return out;
}

}  // namespace dvi
