#include "vis/trainer.h"

#include "vis/backend/cpu/cpu_trainer.h"
#include "vis/backend/torch/torch_trainer.h"

namespace dvi {

constinit PluginFunction<std::unique_ptr<Trainer>(bool)> make_torch_trainer("train on a graphics processor");

std::unique_ptr<Trainer> make_trainer(TrainingDevice device, bool linear_head, Precision precision) {
  const bool wanted = device == TrainingDevice::fastest ? uses_cuda() : device != TrainingDevice::processor;
  if (!wanted || !linear_head || !make_torch_trainer.available())
    return std::make_unique<CpuTrainer>(precision);
  return make_torch_trainer(device != TrainingDevice::torch_eager);
}

}  // namespace dvi
