#include <numeric>

#include "core/progress.h"
#include "scenarios/record_scenario.h"
#include "scenarios/recording.h"
#include "scenarios/training.h"

namespace dvi {
namespace {

// Within 0.1 in every pixel, as is usual for Fashion-MNIST. Training takes a cheaper attack than evaluation.
constexpr Attack training_attack{0.1f, 0.04f, 5}, evaluation_attack{0.1f, 0.02f, 20};

ImageSet first_of(const ImageSet& from, int64_t count) {
  ImageSet first{from.shape, {}, {}};
  count = std::min(count, from.count());
  first.pixels.assign(from.pixels.begin(), from.pixels.begin() + count * from.shape.size());
  first.labels.assign(from.labels.begin(), from.labels.begin() + count);
  return first;
}

class AdversarialTraining {
 public:
  AdversarialTraining(ImageData data, const ScenarioOptions& options)
      : data_(std::move(data)),
        attacked_(first_of(data_.test, options.quick ? 300 : 1000)),
        seed_(options.seed),
        classifier_({data_.train.shape, static_cast<int64_t>(data_.classes.size()), seed_}),
        batches_(all_ids(data_.train.count()), 100, seed_),
        recording_("adversarial", options, data_.name + "-adversarial", data_.classes,
                   {{"train", "train", data_.train},
                    {"test", "test", data_.test},
                    {"adversarial", "adversarial", attacked_}}) {
    // Which test sample an adversarial sample was made of; any other sample's source is itself.
    std::vector<float> source(recording_.sample_count());
    std::iota(source.begin(), source.end(), 0.f);
    const Group &test = recording_.group("test"), &adversarial = recording_.group("adversarial");
    for (int64_t i = 0; i < adversarial.count; ++i)
      source[adversarial.begin + i] = static_cast<float>(test.begin + i);
    recording_.column("source", source, {{"title", "Made from sample"}});
    recording_.show_column("robust_correct",
                           {{"title", "Under attack"}, {"categories", {"not attacked", "fooled", "robust"}}});
  }

  void run(int epochs) {
    recording_.begin();
    const int clean_epochs = std::max(1, epochs / 3);
    const int64_t pass = std::max<int64_t>(1, data_.train.count() / batches_.size());
    const int64_t clean_steps = 10 * pass;
    const auto checkpoints = checkpoint_steps(clean_steps, clean_epochs);
    int64_t step = 0;
    for (int epoch = 1; epoch <= clean_epochs; ++epoch) {
      const int64_t until = checkpoints[static_cast<size_t>(epoch) - 1];
      Progress progress(fmt::format("epoch {}/{}: clean training", epoch, epochs),
                        (until - step) * batches_.size(), "samples");
      for (; step < until; ++step) {
        train_on(classifier_, data_.train, batches_.next(), learning_rate(step, clean_steps, 1e-3));
        progress.advance(batches_.size());
      }
      progress.finish();
      record(epoch, false);
    }
    const int64_t all_steps = pass * std::max(1, epochs - clean_epochs);
    step = 0;
    for (int epoch = clean_epochs + 1; epoch <= epochs; ++epoch) {
      Progress progress(fmt::format("epoch {}/{}: adversarial training", epoch, epochs),
                        pass * batches_.size(), "samples");
      for (int64_t i = 0; i < pass; ++i, ++step) {
        const auto ids = batches_.next();
        const auto labels = gather_labels(data_.train, ids);
        const Matrix moved = classifier_.attack(gather_images(data_.train, ids), labels, training_attack,
                                                seed_ + static_cast<uint64_t>(step));
        classifier_.train_step(moved, labels, learning_rate(step, all_steps, 1e-3));
        progress.advance(batches_.size());
      }
      progress.finish();
      record(epoch, true);
    }
    recording_.finish();
  }

 private:
  void record(int epoch, bool adversarial_training) {
    const Matrix images = gather_images(attacked_, all_ids(attacked_.count()));
    const Matrix moved = classifier_.attack(images, attacked_.labels, evaluation_attack, seed_);
    const Group &test = recording_.group("test"), &adversarial = recording_.group("adversarial");
    recording_.record(epoch, classifier_, {{"adversarial", to_pixels(moved, attacked_.shape)}},
                      [&](EpochWriter& writer, const Outputs& outputs, Json& scalars) {
                        std::vector<float> robust(recording_.sample_count(), 0.f);
                        for (int64_t i = 0; i < adversarial.count; ++i) {
                          const auto id = static_cast<size_t>(adversarial.begin + i);
                          const bool right = outputs.verdicts[id].prediction == recording_.labels()[id];
                          robust[id] = robust[test.begin + i] = right ? 2.f : 1.f;
                        }
                        writer.column("robust_correct", robust);
                        scalars["clean_accuracy"] = scalars["test_accuracy"];
                        scalars["robust_accuracy"] = scalars["adversarial_accuracy"];
                        scalars["adversarial_training"] = adversarial_training ? 1 : 0;
                      });
  }

  ImageData data_;
  ImageSet attacked_;
  uint64_t seed_;
  Classifier classifier_;
  Batches batches_;
  Recording recording_;
};

}  // namespace

// A third of the epochs trains on clean images, the rest on adversarial ones (Madry et al., ICLR 2018).
void record_adversarial(const ScenarioOptions& options) {
  ImageData data = read_image_data(options.data);
  cut(data, options.samples > 0 ? options.samples : options.quick ? 3000 : 12000, options.seed);
  const int epochs = options.epochs > 0 ? options.epochs : options.quick ? 8 : 12;
  AdversarialTraining training(std::move(data), options);
  training.run(epochs);
}

}  // namespace dvi
