#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "core/random.h"
#include "scenarios/record_scenario.h"
#include "scenarios/recording.h"
#include "scenarios/selection.h"
#include "scenarios/training.h"

namespace dvi {
namespace {

/// Entropy of the labels' distribution divided by that of the even one: 1 where all classes are equally
/// frequent.
double label_evenness(const ImageSet& images, std::span<const int32_t> ids, size_t classes) {
  std::vector<double> count(classes, 0);
  for (const int32_t id : ids) ++count[images.labels[id]];
  double entropy = 0;
  for (const double n : count)
    if (n > 0) entropy -= n / static_cast<double>(ids.size()) * std::log(n / static_cast<double>(ids.size()));
  return entropy / std::log(static_cast<double>(classes));
}

/// Share of `ids` on the delta-boundary.
double boundary_share(std::span<const Verdict> verdicts, std::span<const int32_t> ids) {
  double on_boundary = 0;
  for (const int32_t id : ids) on_boundary += verdicts[id].margin < sample_delta;
  return on_boundary / std::max(1.0, static_cast<double>(ids.size()));
}

class ActiveLearning {
 public:
  ActiveLearning(ImageData data, const ScenarioOptions& options)
      : data_(std::move(data)),
        strategy_(strategy_of(options.strategy)),
        seed_(options.seed),
        pool_(all_ids(data_.train.count())),
        recording_("active-learning", options, data_.name + "-" + options.strategy, data_.classes,
                   {{"train", "train", data_.train}, {"test", "test", data_.test}}),
        round_of_(static_cast<size_t>(recording_.sample_count()), 0.f) {
    recording_.show_column("uncertainty", {{"title", "Uncertainty"}});
    recording_.show_column("labelled_in_round", {{"title", "Labelled in round (0: not yet)"}});
  }

  /// Every round starts from the same untrained classifier and takes the same number of steps, so that rounds
  /// and strategies differ by their samples alone.
  void run(int rounds, int64_t samples_a_round, int64_t steps) {
    recording_.begin();
    std::vector<float> random_scores(recording_.sample_count());
    Random random(seed_, 23);
    for (float& score : random_scores) score = static_cast<float>(random.uniform());
    add(highest(random_scores, pool_, labelled_, samples_a_round), 1);
    Json of_new_samples = Json::object();
    of_new_samples["new_label_evenness"] = label_evenness(data_.train, labelled_, data_.classes.size());

    for (int round = 1; round <= rounds; ++round) {
      Classifier classifier({data_.train.shape, static_cast<int64_t>(data_.classes.size()), seed_,
                             strategy_ == Strategy::learning_loss});
      train(classifier, fmt::format("round {}/{}: train on {}", round, rounds, labelled_.size()), steps);
      std::vector<float> uncertainty;
      const Outputs outputs = recording_.record(round, classifier, {},
                                                [&](EpochWriter& writer, const Outputs& now, Json& scalars) {
                                                  uncertainty = score(classifier, now, random_scores);
                                                  writer.training_set(labelled_);
                                                  writer.column("uncertainty", uncertainty);
                                                  writer.column("labelled_in_round", round_of_);
                                                  scalars["labelled"] = labelled_.size();
                                                  scalars.update(of_new_samples);
                                                });
      const auto chosen = strategy_ == Strategy::coreset
                              ? k_centers(outputs.features, uncertainty, pool_, samples_a_round)
                              : highest(uncertainty, pool_, labelled_, samples_a_round);
      if (chosen.empty()) break;
      of_new_samples["new_label_evenness"] = label_evenness(data_.train, chosen, data_.classes.size());
      of_new_samples["new_boundary_share"] = boundary_share(outputs.verdicts, chosen);
      of_new_samples["pool_boundary_share"] = boundary_share(outputs.verdicts, pool_);
      add(chosen, round + 1);
    }
    recording_.finish();
  }

 private:
  void add(std::span<const int32_t> ids, int round) {
    labelled_.insert(labelled_.end(), ids.begin(), ids.end());
    for (const int32_t id : ids) round_of_[id] = static_cast<float>(round);
  }

  void train(Classifier& classifier, const std::string& stage, int64_t steps) {
    Batches batches(labelled_, 50, seed_);
    Progress progress(stage, steps * batches.size(), "samples");
    for (int64_t step = 0; step < steps; ++step) {
      train_on(classifier, data_.train, batches.next(), learning_rate(step, steps, 1e-3));
      progress.advance(batches.size());
    }
  }

  std::vector<float> score(const Classifier& classifier, const Outputs& outputs,
                           const std::vector<float>& random_scores) const {
    switch (strategy_) {
      case Strategy::random:
        return random_scores;
      case Strategy::least_confidence:
        return least_confidence(outputs.verdicts);
      case Strategy::coreset:
        return distance_to_labelled(outputs.features, labelled_);
      case Strategy::learning_loss:
        break;
    }
    std::vector<float> losses;
    for (const auto* images : {&data_.train, &data_.test})
      for (const float loss : classifier.predicted_losses(gather_images(*images, all_ids(images->count()))))
        losses.push_back(loss);
    return losses;
  }

  ImageData data_;
  Strategy strategy_;
  uint64_t seed_;
  std::vector<int32_t> pool_, labelled_;
  Recording recording_;
  std::vector<float> round_of_;
};

}  // namespace

void record_active_learning(const ScenarioOptions& options) {
  ImageData data = read_image_data(options.data);
  cut(data, options.samples > 0 ? options.samples : options.quick ? 3000 : 6000, options.seed);
  const int rounds = options.epochs > 0 ? options.epochs : 8;
  const int64_t pool = data.train.count();
  const int64_t samples_a_round = std::max<int64_t>(1, pool / 50);
  const int64_t steps = std::max<int64_t>(20, pool / 12);
  ActiveLearning training(std::move(data), options);
  training.run(rounds, samples_a_round, steps);
}

}  // namespace dvi
