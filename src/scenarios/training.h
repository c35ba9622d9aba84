// What the scenarios' training loops share: the order of samples, the learning rate, when to record.
#pragma once

#include <span>
#include <vector>

#include "core/random.h"
#include "scenarios/classifier.h"

namespace dvi {

/// Sample ids in batches: all of them once in random order, then again in another.
class Batches {
 public:
  /// `size` is cut to the number of ids.
  Batches(std::vector<int32_t> ids, int64_t size, uint64_t seed);
  /// The last batch of a pass is left out if it is not full.
  std::span<const int32_t> next();
  int64_t size() const { return size_; }

 private:
  std::vector<int32_t> ids_;
  int64_t size_, at_;
  Random random_;
};

/// 0, 1, ..., count - 1.
std::vector<int32_t> all_ids(int64_t count);

/// Rises over the first tenth of the steps (50 at most), then falls linearly towards 0.
double learning_rate(int64_t step, int64_t steps, double peak);

/// After which steps to record `epochs` epochs of a training of `steps`: step_i = steps * (i / epochs)^2.5,
/// because classes separate early. Ascending, the last one is `steps`. Throws Error if there are fewer steps
/// than epochs.
std::vector<int64_t> checkpoint_steps(int64_t steps, int epochs);

std::vector<int32_t> gather_labels(const ImageSet&, std::span<const int32_t> ids);

/// One training step on the chosen images, with their labels.
double train_on(Classifier&, const ImageSet&, std::span<const int32_t> ids, double learning_rate);

/// The train and test sets cut to `samples` and a sixth of it; as they are if `samples` is 0.
void cut(ImageData&, int64_t samples, uint64_t seed);

}  // namespace dvi
