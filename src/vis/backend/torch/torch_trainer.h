// Trains networks with linear heads through LibTorch, for graphics processors: the same steps as backend/cpu
// takes. All that the steps need lies on the device before the first, and nothing waits for the device before
// the last is done (vis/backend/torch/device_steps.h).
#pragma once

#include "vis/trainer.h"

namespace dvi {

/// Where LibTorch trains: "cuda" if it finds such a device, else "cpu"; empty if the program was built
/// without LibTorch.
std::string torch_device();

class TorchTrainer : public Trainer {
 public:
  /// `capture`: a step is captured on a CUDA device once and replayed, else handed out anew each time, which
  /// only tests and benchmarks want.
  explicit TorchTrainer(bool capture) : capture_(capture) {}
  std::string device() const override;
  /// Both throw Error if the program was built without LibTorch, or where the device fails.
  double train_encoder(const EncoderProblem&, const DistillSchedule&, double rate, Mlp&,
                       const OnStep&) override;
  DecoderLosses train_decoder(const DecoderProblem&, const DistillSchedule&, const DecoderRates&,
                              PlaneDecoder&, const OnStep&) override;

 private:
  [[maybe_unused]] bool capture_;
};

}  // namespace dvi
