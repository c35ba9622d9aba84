#include "vis/backend/cpu/cpu_trainer.h"

#include <algorithm>

#include "core/parallel.h"
#include "vis/backend/cpu/decoder_steps.h"
#include "vis/backend/cpu/encoder_steps.h"

namespace dvi {
namespace {

/// How a batch is shared by workers.
class Shares {
 public:
  /// `worth_a_thread`: waking a thread for fewer rows than these takes longer than they do
  /// (docs/explanation/trainer.md).
  Shares(const DistillSchedule& schedule, int64_t worth_a_thread)
      : schedule_(schedule),
        workers_(static_cast<int>(std::clamp<int64_t>(schedule.batch / worth_a_thread, 1, threads()))) {}
  int workers() const { return workers_; }
  std::span<const int32_t> of(int64_t step, int worker) const {
    const int64_t begin = schedule_.batch * worker / workers_,
                  end = schedule_.batch * (worker + 1) / workers_;
    return std::span(schedule_.rows)
        .subspan(static_cast<size_t>(step * schedule_.batch + begin), static_cast<size_t>(end - begin));
  }

 private:
  const DistillSchedule& schedule_;
  int workers_;
};

}  // namespace

double CpuTrainer::train_encoder(const EncoderProblem& problem, const DistillSchedule& schedule, double rate,
                                 Mlp& encoder, const OnStep& on_step) {
  const Shares shares(schedule, 32);
  EncoderSteps steps(problem, schedule.batch, precision_, shares.workers(), encoder);
  for (int64_t step = 0; step < schedule.steps(); ++step) {
    if (step == schedule.last_pass) steps.forget_losses();
    parallel_workers(shares.workers(),
                     [&](int worker) { steps.add_gradient(worker, shares.of(step, worker)); });
    steps.update(static_cast<float>(rate * schedule.rates[static_cast<size_t>(step)]));
    on_step(step + 1);
  }
  return steps.loss();
}

DecoderLosses CpuTrainer::train_decoder(const DecoderProblem& problem, const DistillSchedule& schedule,
                                        const DecoderRates& rates, PlaneDecoder& decoder,
                                        const OnStep& on_step) {
  // Each worker has a gradient of the whole grid, whose sum is work too.
  const Shares shares(schedule, 256);
  const int workers = shares.workers();
  DecoderSteps steps(problem, schedule.batch, precision_, workers, decoder);
  const bool linear = problem.head->linear();
  for (int64_t step = 0; step < schedule.steps(); ++step) {
    if (step == schedule.last_pass) steps.forget_losses();
    parallel_workers(workers, [&](int worker) {
      steps.forward(worker, shares.of(step, worker), step);
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
  }
  return steps.losses();
}

}  // namespace dvi
