#include "vis/trainer.h"

#include <type_traits>
#include <utility>

#include "core/device.h"
#include "vis/backend/cpu/cpu_trainer.h"
#include "vis/backend/torch/torch_trainer.h"

namespace dvi {

constinit PluginFunction<std::unique_ptr<Trainer>(bool)> make_torch_trainer("train on a graphics processor");

namespace {

/// On the device, or on the processor where that fails. Networks are as before then.
class EitherTrainer final : public Trainer {
 public:
  EitherTrainer(std::unique_ptr<Trainer> device, std::unique_ptr<Trainer> processor)
      : device_(std::move(device)), processor_(std::move(processor)), last_(device_.get()) {}
  std::string device() const override { return last_->device(); }
  double train_encoder(const EncoderProblem& problem, const DistillSchedule& schedule, double rate,
                       Mlp& encoder, const OnStep& on_step) override {
    return either([&](Trainer& t) { return t.train_encoder(problem, schedule, rate, encoder, on_step); });
  }
  DecoderLosses train_decoder(const DecoderProblem& problem, const DistillSchedule& schedule,
                              const DecoderRates& rates, PlaneDecoder& decoder,
                              const OnStep& on_step) override {
    return either([&](Trainer& t) { return t.train_decoder(problem, schedule, rates, decoder, on_step); });
  }

 private:
  template <typename Train>
  std::invoke_result_t<Train, Trainer&> either(const Train& train) {
    std::invoke_result_t<Train, Trainer&> out{};
    if (!tried_on_device([&] { out = train(*device_); })) {
      last_ = processor_.get();
      out = train(*processor_);
    }
    return out;
  }
  std::unique_ptr<Trainer> device_, processor_;
  const Trainer* last_;
};

}  // namespace

std::unique_ptr<Trainer> make_trainer(TrainingDevice device, bool linear_head, Precision precision) {
  const bool wanted = device == TrainingDevice::fastest ? uses_cuda() : device != TrainingDevice::processor;
  if (!wanted || !linear_head || !make_torch_trainer.available())
    return std::make_unique<CpuTrainer>(precision);
  auto through_torch = make_torch_trainer(device != TrainingDevice::torch_eager);
  if (device != TrainingDevice::fastest) return through_torch;
  return std::make_unique<EitherTrainer>(std::move(through_torch), std::make_unique<CpuTrainer>(precision));
}

}  // namespace dvi
