#include "core/progress.h"
#include "core/random.h"
#include "scenarios/record_scenario.h"
#include "scenarios/standard.h"
#include "scenarios/training.h"

namespace dvi {
namespace {

constexpr size_t enough_classes = 47;  // EMNIST's "balanced" split

/// `count` pairs of images side by side, all pairs of classes alike; class = left * classes + right.
ImageSet make_pairs(const ImageSet& from, int64_t classes, int64_t count, uint64_t seed) {
  std::vector<std::vector<int32_t>> of_class(classes);
  for (int64_t i = 0; i < from.count(); ++i) of_class[from.labels[i]].push_back(static_cast<int32_t>(i));
  const int64_t height = from.shape.height, row = from.shape.width * from.shape.channels;
  Random random(seed, 17);
  ImageSet pairs;
  pairs.shape = {height, 2 * from.shape.width, from.shape.channels};
  pairs.pixels.reserve(count * pairs.shape.size());
  for (int64_t n = 0; n < count; ++n) {
    const auto pair = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes * classes)));
    const auto pick = [&](int64_t c) {
      const auto& ids = of_class[c];
      return from.pixels.begin() + int64_t{ids[random.below(ids.size())]} * from.shape.size();
    };
    const auto left = pick(pair / classes), right = pick(pair % classes);
    for (int64_t y = 0; y < height; ++y)
      for (const auto& image : {left, right})
        pairs.pixels.insert(pairs.pixels.end(), image + y * row, image + (y + 1) * row);
    pairs.labels.push_back(pair);
  }
  return pairs;
}

ImageData pairs_of(const ImageData& data, int64_t samples, uint64_t seed) {
  const auto classes = static_cast<int64_t>(data.classes.size());
  ImageData pairs;
  pairs.name = data.name + "-pairs";
  for (const auto& left : data.classes)
    for (const auto& right : data.classes) pairs.classes.push_back(left + " | " + right);
  pairs.train = make_pairs(data.train, classes, samples, seed);
  pairs.test = make_pairs(data.test, classes, std::max<int64_t>(1, samples / 6), seed + 1);
  return pairs;
}

}  // namespace

void record_many_classes(const ScenarioOptions& options) {
  ImageData data = read_image_data(options.data);
  const int64_t samples = options.samples > 0 ? options.samples : options.quick ? 6000 : 30000;
  if (data.classes.size() >= enough_classes) {
    cut(data, samples, options.seed);
  } else {
    say(fmt::format(
        "{} has {} classes; pairs of its images side by side make {} (EMNIST by --data is taken as it is)",
        data.name, data.classes.size(), data.classes.size() * data.classes.size()));
    data = pairs_of(data, samples, options.seed);
  }
  Recording recording("many-classes", options, data.name + "-cnn", data.classes,
                      {{"train", "train", data.train}, {"test", "test", data.test}});
  const int epochs = options.epochs > 0 ? options.epochs : options.quick ? 8 : 10;
  train_standard(recording, data, {epochs, options.quick ? 10 : 6}, options.seed);
}

}  // namespace dvi
