#include "project/placer.h"

namespace dvi {

Placer::Placer(const PlacedTrain& train, const PlaneDecoder& decoder, SubjectModel& subject,
               const RelocationLimits& limits)
    : train_(train),
      ranks_(train.margins),
      ground_(decoder, subject),
      relocator_(ground_, ranks_, square_around(bounds_of(train.positions), 0), limits) {}

Placer::Places Placer::place(const Neighbors& nearest, std::span<const Verdict> own) {
  std::vector<int32_t> classes;
  std::vector<ExpectedGround> expected;
  for (const Verdict& verdict : own) {
    classes.push_back(verdict.prediction);
    expected.push_back({verdict.prediction, -1, verdict.margin});
  }
  Places out;
  out.fitted = places_among(nearest, classes, train_.positions, train_.predictions);
  out.shown = out.fitted;
  out.moved = relocator_.relocate_each(expected, out.shown.mut());
  return out;
}

}  // namespace dvi
