#include "core/progress.h"
#include "core/random.h"
#include "scenarios/record_scenario.h"
#include "scenarios/recording.h"
#include "scenarios/training.h"

namespace dvi {
namespace {

constexpr double noise_rate = 0.2;

/// Symmetric noise: every label is replaced, with probability noise_rate, by one of the others, all alike.
std::vector<float> add_noise(ImageSet& images, int64_t classes, uint64_t seed) {
  std::vector<float> is_noisy(images.labels.size(), 0.f);
  Random random(seed, 19);
  for (size_t i = 0; i < images.labels.size(); ++i) {
    const auto other = static_cast<int32_t>(1 + random.below(static_cast<uint64_t>(classes - 1)));
    if (random.uniform() >= noise_rate) continue;
    images.labels[i] = (images.labels[i] + other) % static_cast<int32_t>(classes);
    is_noisy[i] = 1;
  }
  return is_noisy;
}

}  // namespace

// The learning rate stays up to the end and the data is passed over many times, so that the classifier first
// learns what labels have in common and then memorises those that are wrong.
void record_noisy_labels(const ScenarioOptions& options) {
  ImageData data = read_image_data(options.data);
  cut(data, options.samples > 0 ? options.samples : options.quick ? 3000 : 10000, options.seed);
  const std::vector<int32_t> true_labels = data.train.labels;
  std::vector<float> original(true_labels.begin(), true_labels.end());
  original.insert(original.end(), data.test.labels.begin(), data.test.labels.end());
  std::vector<float> is_noisy =
      add_noise(data.train, static_cast<int64_t>(data.classes.size()), options.seed);
  is_noisy.resize(original.size(), 0.f);

  const int epochs = options.epochs > 0 ? options.epochs : options.quick ? 8 : 12;
  const int64_t passes = options.quick ? 30 : 40;
  constexpr int64_t batch = 100;
  Classifier classifier({data.train.shape, static_cast<int64_t>(data.classes.size()), options.seed});
  Batches batches(all_ids(data.train.count()), batch, options.seed);
  const int64_t steps = std::max<int64_t>(passes * data.train.count() / batches.size(), 1);
  const std::vector<int64_t> checkpoints = checkpoint_steps(steps, epochs);

  Recording recording("noisy-labels", options, data.name + "-noisy", data.classes,
                      {{"train", "train", data.train}, {"test", "test", data.test}});
  recording.column("original_label", original, {{"title", "True label"}, {"categories", data.classes}});
  recording.column("is_noisy", is_noisy, {{"title", "Label"}, {"categories", {"right", "wrong"}}});
  recording.begin();
  int64_t step = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const int64_t until = checkpoints[static_cast<size_t>(epoch) - 1];
    Progress progress(fmt::format("epoch {}/{}: train", epoch, epochs), (until - step) * batches.size(),
                      "samples");
    for (; step < until; ++step) {
      train_on(classifier, data.train, batches.next(), 1e-3);
      progress.advance(batches.size());
    }
    progress.finish();
    recording.record(epoch, classifier, {}, [&](EpochWriter&, const Outputs& outputs, Json& scalars) {
      // Of the train samples whose label is wrong: taken for what they are, or for what they are called?
      double noisy = 0, as_true = 0, as_given = 0, clean_right = 0;
      for (size_t i = 0; i < true_labels.size(); ++i) {
        const int32_t prediction = outputs.verdicts[i].prediction;
        if (is_noisy[i] == 0) {
          clean_right += prediction == true_labels[i];
        } else {
          ++noisy;
          as_true += prediction == true_labels[i];
          as_given += prediction == data.train.labels[i];
        }
      }
      const double clean = static_cast<double>(true_labels.size()) - noisy;
      scalars["clean_label_accuracy"] = clean_right / std::max(1.0, clean);
      scalars["noisy_as_true_accuracy"] = as_true / std::max(1.0, noisy);
      scalars["noisy_as_given_accuracy"] = as_given / std::max(1.0, noisy);
      scalars["passes"] =
          static_cast<double>(step * batches.size()) / static_cast<double>(data.train.count());
    });
  }
  recording.finish();
}

}  // namespace dvi
