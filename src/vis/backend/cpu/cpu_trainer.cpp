#include "vis/backend/cpu/cpu_trainer.h"

#include <algorithm>

#include "core/parallel.h"
#include "vis/backend/cpu/decoder_steps.h"
#include "vis/backend/cpu/encoder_steps.h"

namespace dvi {

DistillLosses CpuTrainer::train(const DistillProblem& problem, const DistillSchedule& schedule,
                                Autoencoder& model, const std::function<void(int64_t)>& on_step) {
  // Waking a thread for fewer samples than these takes longer than they do (docs/explanation/trainer.md).
  constexpr int64_t samples_worth_a_thread = 32;
  const int64_t batch = schedule.batch;
  const int workers = static_cast<int>(std::clamp<int64_t>(batch / samples_worth_a_thread, 1, threads()));
  const auto share_of = [&](int64_t step, int worker) {
    const int64_t begin = batch * worker / workers, end = batch * (worker + 1) / workers;
    return std::span(schedule.rows)
        .subspan(static_cast<size_t>(step * batch + begin), static_cast<size_t>(end - begin));
  };
  EncoderSteps encoder(problem, precision_, workers, model.encoder);
  DecoderSteps decoder(problem, precision_, workers, model.decoder);
  std::vector<BatchShare> shares(static_cast<size_t>(workers));
  const bool linear = problem.head->linear();
  for (int64_t step = 0; step < schedule.steps(); ++step) {
    if (step == schedule.last_pass) {
      encoder.forget_losses();
      decoder.forget_losses();
    }
    // Both networks in one go, since waking the threads takes as long as a good part of a small batch.
    parallel_workers(workers, [&](int worker) {
      BatchShare& share = shares[static_cast<size_t>(worker)];
      share.load(problem, share_of(step, worker), batch);
      encoder.add_gradient(worker, share);
      decoder.forward(worker, share, step);
      if (!linear) return;
      decoder.judge(worker, share);
      decoder.backward(worker, share);
    });
    if (!linear) {
      for (int worker = 0; worker < workers; ++worker)
        decoder.judge(worker, shares[static_cast<size_t>(worker)]);
      parallel_workers(workers,
                       [&](int worker) { decoder.backward(worker, shares[static_cast<size_t>(worker)]); });
    }
    const auto rate = static_cast<float>(schedule.rates[static_cast<size_t>(step)]);
    encoder.update(rate);
    decoder.update(rate);
    on_step(step + 1);
  }
  return {encoder.loss(), decoder.loss(), decoder.divergence()};
}

}  // namespace dvi
