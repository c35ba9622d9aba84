#include "fit/round_trip.h"

#include <algorithm>

#include "comm/shared_for.h"

namespace dvi {

/// A part at a time: the features of all at once would take as much memory as the epoch itself.
Returned round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                    MatrixView features, int64_t classes) {
  constexpr int64_t part = 4096;
  Returned out{Matrix(positions.rows, classes), std::vector<float>(static_cast<size_t>(positions.rows))};
  Matrix back(std::min(part, positions.rows), features.cols);
  const RowRange own = own_range(positions.rows, part);
  for (int64_t begin = own.begin; begin < own.end; begin += part) {
    const int64_t count = std::min(part, own.end - begin);
    const MutMatrixView now = back.mut().slice(0, count);
    decoder.apply(positions.slice(begin, count), now);
    subject.head(now, out.logits.mut().slice(begin, count));
    std::ranges::copy(squared_errors(features.slice(begin, count), now), out.error.begin() + begin);
  }
  gather_shared(positions.rows, part, shared_rows(out.logits.mut()));
  gather_shared(positions.rows, part, shared_rows(out.error));
  return out;
}

}  // namespace dvi
