#include "fit/round_trip.h"

#include <algorithm>

namespace dvi {

/// A part at a time: the features of all at once would take as much memory as the epoch itself.
Returned round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                    MatrixView features, int64_t classes) {
  constexpr int64_t part = 8192;
  Returned out{Matrix(positions.rows, classes), {}};
  Matrix back(std::min(part, positions.rows), features.cols);
  for (int64_t begin = 0; begin < positions.rows; begin += part) {
    const int64_t count = std::min(part, positions.rows - begin);
    const MutMatrixView now = back.mut().slice(0, count);
    decoder.apply(positions.slice(begin, count), now);
    subject.head(now, out.logits.mut().slice(begin, count));
    const auto errors = squared_errors(features.slice(begin, count), now);
    out.error.insert(out.error.end(), errors.begin(), errors.end());
  }
  return out;
}

}  // namespace dvi
