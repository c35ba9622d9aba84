// Trains networks on the processor, a batch shared by all threads (docs/explanation/trainer.md).
#pragma once

#include "vis/trainer.h"

namespace dvi {

class CpuTrainer : public Trainer {
 public:
  explicit CpuTrainer(Precision precision) : precision_(precision) {}
  std::string device() const override { return "processor"; }
  DistillLosses train(const DistillProblem&, const DistillSchedule&, Autoencoder& model,
                      const std::function<void(int64_t)>& on_step) override;

 private:
  Precision precision_;
};

}  // namespace dvi
