// Trains networks on the processor, a batch shared by all threads (docs/explanation/trainer.md).
#pragma once

#include "vis/trainer.h"

namespace dvi {

class CpuTrainer : public Trainer {
 public:
  explicit CpuTrainer(Precision precision) : precision_(precision) {}
  std::string device() const override { return "processor"; }
  double train_encoder(const EncoderProblem&, const DistillSchedule&, double rate, Mlp&,
                       const OnStep&) override;
  DecoderLosses train_decoder(const DecoderProblem&, const DistillSchedule&, const DecoderRates&,
                              PlaneDecoder&, const OnStep&) override;

 private:
  Precision precision_;
};

}  // namespace dvi
