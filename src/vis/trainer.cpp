#include "vis/trainer.h"

#include "vis/backend/cpu/cpu_trainer.h"
#include "vis/backend/torch/torch_trainer.h"

namespace dvi {

std::unique_ptr<Trainer> make_trainer(TrainingDevice device, bool linear_head, Precision precision) {
  const std::string torch = device == TrainingDevice::processor || !linear_head ? "" : torch_device();
  if (torch.empty() || (device == TrainingDevice::fastest && torch != "cuda"))
    return std::make_unique<CpuTrainer>(precision);
  return std::make_unique<TorchTrainer>(device != TrainingDevice::torch_eager);
}

}  // namespace dvi
