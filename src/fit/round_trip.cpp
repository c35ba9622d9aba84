#include "fit/round_trip.h"

#include <algorithm>

#include "comm/shared_for.h"

namespace dvi {

/// A part at a time: the features of all at once would take as much memory as the epoch itself.
RoundTrip round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                     MatrixView features, std::span<const Verdict> own) {
  RoundTrip out{std::vector<Verdict>(own.size()), std::vector<float>(own.size()),
                std::vector<float>(own.size())};
  const int64_t most = std::min(pass_grain, positions.rows);
  Matrix back(most, features.cols), logits(most, subject.class_count());
  const RowRange shared = passed_rows(positions.rows);
  for (int64_t begin = shared.begin; begin < shared.end; begin += pass_grain) {
    const int64_t count = std::min(pass_grain, shared.end - begin);
    const MutMatrixView now = back.mut().slice(0, count), said = logits.mut().slice(0, count);
    decoder.apply(positions.slice(begin, count), now);
    subject.head(now, said);
    std::ranges::copy(squared_errors(features.slice(begin - shared.begin, count), now),
                      out.error.begin() + begin);
    std::ranges::copy(judge(said), out.verdicts.begin() + begin);
    for (int64_t i = 0; i < count; ++i) {
      const auto row = static_cast<size_t>(begin + i);
      out.still_as_probable[row] =
          probability(std::span(said.row(i), static_cast<size_t>(said.cols)), own[row].prediction);
    }
  }
  gather_shared(positions.rows, pass_grain, shared_rows(out.verdicts));
  gather_shared(positions.rows, pass_grain, shared_rows(out.still_as_probable));
  gather_shared(positions.rows, pass_grain, shared_rows(out.error));
  return out;
}

}  // namespace dvi
