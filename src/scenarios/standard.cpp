#include "scenarios/standard.h"

#include <fmt/format.h>

#include "core/progress.h"
#include "scenarios/record_scenario.h"
#include "scenarios/recording.h"
#include "scenarios/training.h"

namespace dvi {

// The first recorded epochs come after a small part of the first pass over the data (checkpoint_steps), when
// classes have not separated yet: most of what there is to see happens there.
void train_standard(Recording& recording, const ImageData& data, const Plan& plan, uint64_t seed) {
  constexpr int64_t batch = 200;
  Classifier classifier({data.train.shape, static_cast<int64_t>(data.classes.size()), seed});
  Batches batches(all_ids(data.train.count()), batch, seed);
  const int64_t steps = std::max<int64_t>(plan.passes * data.train.count() / batches.size(), 1);
  const std::vector<int64_t> checkpoints = checkpoint_steps(steps, plan.epochs);

  recording.begin();
  int64_t step = 0;
  for (int epoch = 1; epoch <= plan.epochs; ++epoch) {
    const int64_t until = checkpoints[static_cast<size_t>(epoch) - 1];
    Progress progress(fmt::format("epoch {}/{}: train", epoch, plan.epochs), (until - step) * batches.size(),
                      "samples");
    for (; step < until; ++step) {
      train_on(classifier, data.train, batches.next(), learning_rate(step, steps, 2e-3));
      progress.advance(batches.size());
    }
    progress.finish();
    recording.record(epoch, classifier, {}, [&](EpochWriter&, const Outputs&, Json& scalars) {
      scalars["passes"] =
          static_cast<double>(step * batches.size()) / static_cast<double>(data.train.count());
    });
  }
  recording.finish();
}

void record_standard(const ScenarioOptions& options) {
  ImageData data = read_image_data(options.data);
  cut(data, options.samples > 0 ? options.samples : options.quick ? 6000 : 0, options.seed);
  Recording recording("standard", options, data.name + "-cnn", data.classes,
                      {{"train", "train", data.train}, {"test", "test", data.test}});
  const int epochs = options.epochs > 0 ? options.epochs : options.quick ? 8 : 10;
  train_standard(recording, data, {epochs, options.quick ? 10 : 6}, options.seed);
}

}  // namespace dvi
