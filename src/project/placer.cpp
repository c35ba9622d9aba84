#include "project/placer.h"

namespace dvi {

Placer::Placer(const PlacedTrain& train, const PlaneDecoder& decoder, SubjectModel& subject,
               const RelocationLimits& limits)
    : positions_(train.positions),
      ranks_(train.margins),
      ground_(decoder, subject),
      relocator_(ground_, ranks_, square_around(bounds_of(train.positions), 0), limits) {
  for (size_t i = 0; i < train.predictions.size(); ++i)
    opinions_.push_back({train.predictions[i], ranks_.of(train.margins[i])});
}

Placer::Places Placer::place(const Neighbors& nearest, std::span<const Verdict> own) {
  std::vector<ExpectedGround> expected;
  for (const Verdict& verdict : own) expected.push_back({verdict.prediction, -1, verdict.margin});
  Places out;
  out.fitted = PlacesAmong(nearest, opinions_of(own, ranks_), positions_, opinions_).find();
  out.shown = out.fitted;
  out.moved = relocator_.relocate_each(expected, out.shown.mut());
  return out;
}

}  // namespace dvi
