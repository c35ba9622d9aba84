#include "server/painter.h"

#include "landscape/plane_classifier.h"
#include "vis/autoencoder.h"

namespace dvi {

Landscape paint_epoch(ServedRun& run, const ViewEpoch& epoch, const std::array<double, 4>& extent, int size) {
  const PlaneDecoder decoder = load_autoencoder(epoch).decoder;
  const Extent square = extent_of(extent);
  Landscape landscape;
  run.with_subject(epoch.number(), [&](SubjectModel& subject) {
    landscape = PlaneClassifier(decoder, subject).paint(square, size);
  });
  return landscape;
}

std::vector<float> decode_point(ServedRun& run, const ViewEpoch& epoch, float x, float y) {
  const PlaneDecoder decoder = load_autoencoder(epoch).decoder;
  Matrix point(1, 2), features(1, decoder.output_dim()), logits(1, run.run().manifest().class_count());
  point(0, 0) = x;
  point(0, 1) = y;
  decoder.apply(point, features.mut());
  run.with_subject(epoch.number(), [&](SubjectModel& subject) { subject.head(features, logits.mut()); });
  return {logits.data(), logits.data() + logits.cols()};
}

}  // namespace dvi
