// Adam (Kingma & Ba, ICLR 2015, algorithm 1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

class Adam {
 public:
  explicit Adam(size_t parameters, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f);
  /// One step with the sum of the workers' gradients (all of the parameters' size), which are zeroed. Split
  /// over all threads; the sum is always taken in worker order, so that results depend on the number of
  /// threads only.
  void step(std::span<float> parameters, std::span<std::vector<float>> worker_gradients, float learning_rate);

 private:
  float beta1_, beta2_, epsilon_;
  int64_t steps_ = 0;
  std::vector<float> mean_, square_;
};

}  // namespace dvi
