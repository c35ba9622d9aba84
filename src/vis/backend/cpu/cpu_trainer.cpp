#include "vis/backend/cpu/cpu_trainer.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "vis/backend/cpu/decoder_steps.h"
#include "vis/backend/cpu/encoder_steps.h"

namespace dvi {
namespace {

/// How batches are shared by workers. Features come for some steps at a time.
class Shares {
 public:
  /// `source(row)`: whose features a row of the schedule needs. `worth_a_thread`: waking a thread for fewer
  /// rows than these takes longer than they do (docs/explanation/trainer.md).
  Shares(const DistillSchedule& schedule, const TrainingFeatures& features,
         std::function<int32_t(int32_t row)> source, int64_t worth_a_thread)
      : schedule_(schedule),
        all_(features),
        source_(std::move(source)),
        workers_(static_cast<int>(std::clamp<int64_t>(schedule.batch / worth_a_thread, 1, threads()))) {}
  int workers() const { return workers_; }

  /// Calls run(step) for every step, whose rows and features then can be asked for.
  void for_steps(const std::function<void(int64_t step)>& run) {
    for (int64_t part = 0; part < TrainingFeatures::parts; ++part) {
      first_step_ = schedule_.steps() * part / TrainingFeatures::parts;
      const int64_t end = schedule_.steps() * (part + 1) / TrainingFeatures::parts;
      std::vector<int32_t> sources;
      for (const int32_t row : rows(first_step_ * schedule_.batch, end * schedule_.batch))
        sources.push_back(source_(row));
      features_ = all_.of(sources);
      for (int64_t step = first_step_; step < end; ++step) run(step);
    }
  }
  std::span<const int32_t> rows_of(int64_t step, int worker) const {
    return rows(step * schedule_.batch + begin_of(worker), step * schedule_.batch + begin_of(worker + 1));
  }
  MatrixView features_of(int64_t step, int worker) const {
    return features_.view().slice((step - first_step_) * schedule_.batch + begin_of(worker),
                                  begin_of(worker + 1) - begin_of(worker));
  }

 private:
  int64_t begin_of(int worker) const { return schedule_.batch * worker / workers_; }
  std::span<const int32_t> rows(int64_t begin, int64_t end) const {
    return std::span(schedule_.rows).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  }

  const DistillSchedule& schedule_;
  const TrainingFeatures& all_;
  std::function<int32_t(int32_t row)> source_;
  int workers_;
  int64_t first_step_ = 0;  // that has features
  Matrix features_;
};

}  // namespace

double CpuTrainer::train_encoder(const EncoderProblem& problem, const DistillSchedule& schedule, double rate,
                                 Mlp& encoder, const OnStep& on_step) {
  Shares shares(
      schedule, *problem.features, [](int32_t row) { return row; }, 32);
  EncoderSteps steps(problem, schedule.batch, precision_, shares.workers(), encoder);
  shares.for_steps([&](int64_t step) {
    if (step == schedule.last_pass) steps.forget_losses();
    parallel_workers(shares.workers(), [&](int worker) {
      steps.add_gradient(worker, shares.rows_of(step, worker), shares.features_of(step, worker));
    });
    steps.update(static_cast<float>(rate * schedule.rates[static_cast<size_t>(step)]));
    on_step(step + 1);
  });
  return steps.loss();
}

DecoderLosses CpuTrainer::train_decoder(const DecoderProblem& problem, const DistillSchedule& schedule,
                                        const DecoderRates& rates, PlaneDecoder& decoder,
                                        const OnStep& on_step) {
  // Each worker has a gradient of the whole grid, whose sum is work too.
  Shares shares(
      schedule, *problem.features, [&](int32_t row) { return problem.sources[static_cast<size_t>(row)]; },
      256);
  const int workers = shares.workers();
  DecoderSteps steps(problem, schedule.batch, precision_, workers, decoder);
  const bool linear = problem.head->linear();
  shares.for_steps([&](int64_t step) {
    if (step == schedule.last_pass) steps.forget_losses();
    parallel_workers(workers, [&](int worker) {
      steps.forward(worker, shares.rows_of(step, worker), shares.features_of(step, worker), step);
      if (!linear) return;
      steps.judge(worker);
      steps.backward(worker);
    });
    if (!linear) {
      for (int worker = 0; worker < workers; ++worker) steps.judge(worker);
      parallel_workers(workers, [&](int worker) { steps.backward(worker); });
    }
    const double share = schedule.rates[static_cast<size_t>(step)];
    steps.update({rates.network * share, rates.grid * share});
    on_step(step + 1);
  });
  return steps.losses();
}

}  // namespace dvi
