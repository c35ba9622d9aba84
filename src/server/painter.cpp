#include "server/painter.h"

#include "core/error.h"
#include "landscape/decoder_landscape.h"

namespace dvi {

Mlp decoder_of(const ViewEpoch& epoch) {
  const auto count = [](const std::vector<int64_t>& widths) {
    int64_t parameters = 0;
    for (size_t l = 0; l + 1 < widths.size(); ++l) parameters += (widths[l] + 1) * widths[l + 1];
    return parameters;
  };
  const auto encoder = epoch.encoder_widths(), decoder = epoch.decoder_widths();
  const int64_t begin = count(encoder), size = count(decoder);
  const auto weights = epoch.weights();
  if (static_cast<int64_t>(weights.size()) != begin + size || decoder.size() < 2 || decoder.front() != 2)
    fail("{}: expected {} weights for the layers in view_epoch.json, found {}; run 'dvi fit' again",
         (epoch.folder() / "weights.npy").string(), begin + size, weights.size());
  return Mlp(decoder, {weights.begin() + begin, weights.end()});
}

Landscape paint_epoch(ServedRun& run, const ViewEpoch& epoch, const std::array<double, 4>& extent, int size) {
  const Mlp decoder = decoder_of(epoch);
  const Extent square{static_cast<float>(extent[0]), static_cast<float>(extent[1]),
                      static_cast<float>(extent[2]), static_cast<float>(extent[3])};
  Landscape landscape;
  run.with_subject(epoch.number(),
                   [&](SubjectModel& subject) { landscape = paint(decoder, subject, square, size); });
  return landscape;
}

std::vector<float> decode_point(ServedRun& run, const ViewEpoch& epoch, float x, float y) {
  const Mlp decoder = decoder_of(epoch);
  Matrix point(1, 2), features(1, decoder.output_dim()), logits(1, run.run().manifest().class_count());
  point(0, 0) = x;
  point(0, 1) = y;
  decoder.apply(point, features.mut());
  run.with_subject(epoch.number(), [&](SubjectModel& subject) { subject.head(features, logits.mut()); });
  return {logits.data(), logits.data() + logits.cols()};
}

}  // namespace dvi
