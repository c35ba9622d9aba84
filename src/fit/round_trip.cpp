#include "fit/round_trip.h"

#include <algorithm>

#include "comm/shared_for.h"
#include "core/device.h"
#include "core/parallel.h"
#include "landscape/plane_classifier.h"
#include "vis/backend/torch/device_networks.h"

namespace dvi {
namespace {

constexpr int64_t device_part = 1 << 16;

}  // namespace

/// A part at a time: the features of all at once would take as much memory as the epoch itself.
RoundTrip round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                     MatrixView features, std::span<const Verdict> own) {
  RoundTrip out{std::vector<Verdict>(own.size()), std::vector<float>(own.size()),
                std::vector<float>(own.size())};
  const LinearHead* head = one_process_with_cuda() ? subject.linear_head() : nullptr;
  const int64_t part = head != nullptr ? device_part : pass_grain, most = std::min(part, positions.rows);
  Matrix logits(most, subject.class_count()), back;
  PlaneClassifier ground(decoder, subject);
  const RowRange shared = passed_rows(positions.rows);
  for (int64_t begin = shared.begin; begin < shared.end; begin += part) {
    const int64_t count = std::min(part, shared.end - begin);
    const MatrixView places = positions.slice(begin, count),
                     before = features.slice(begin - shared.begin, count);
    const MutMatrixView said = logits.mut().slice(0, count);
    const auto errors = std::span(out.error).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    if (head == nullptr ||
        !tried_on_device([&] { decode_on_device(decoder, *head, places, before, said, errors); })) {
      if (back.rows() == 0) back = Matrix(most, features.cols);
      const MutMatrixView now = back.mut().slice(0, count);
      ground.decode(places, now, said);
      std::ranges::copy(squared_errors(before, now), errors.begin());
    }
    std::ranges::copy(judge(said), out.verdicts.begin() + begin);
    parallel_for(count, 256, [&](int64_t first, int64_t last, int) {
      for (int64_t i = first; i < last; ++i) {
        const auto row = static_cast<size_t>(begin + i);
        out.still_as_probable[row] =
            probability(std::span(said.row(i), static_cast<size_t>(said.cols)), own[row].prediction);
      }
    });
  }
  gather_shared(positions.rows, pass_grain, shared_rows(out.verdicts));
  gather_shared(positions.rows, pass_grain, shared_rows(out.still_as_probable));
  gather_shared(positions.rows, pass_grain, shared_rows(out.error));
  return out;
}

}  // namespace dvi
