#include "scenarios/training.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace dvi {

Batches::Batches(std::vector<int32_t> ids, int64_t size, uint64_t seed)
    : ids_(std::move(ids)),
      size_(std::min(size, static_cast<int64_t>(ids_.size()))),
      at_(static_cast<int64_t>(ids_.size())),
      random_(seed, 13) {}

std::span<const int32_t> Batches::next() {
  if (at_ + size_ > static_cast<int64_t>(ids_.size())) {
    for (size_t i = ids_.size(); i > 1; --i) std::swap(ids_[i - 1], ids_[random_.below(i)]);
    at_ = 0;
  }
  const std::span batch(ids_.data() + at_, static_cast<size_t>(size_));
  at_ += size_;
  return batch;
}

std::vector<int32_t> all_ids(int64_t count) {
  std::vector<int32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

double learning_rate(int64_t step, int64_t steps, double peak) {
  const auto rise = static_cast<double>(std::clamp<int64_t>(steps / 10, 1, 50));
  const auto done = static_cast<double>(step);
  return peak * std::min((done + 1) / rise, 1.0) * (1 - done / static_cast<double>(steps));
}

std::vector<int64_t> checkpoint_steps(int64_t steps, int epochs) {
  if (epochs < 1 || steps < epochs)
    fail("--epochs: expected from 1 to the {} steps of this training, found {}; ask for fewer epochs", steps,
         epochs);
  std::vector<int64_t> at;
  for (int i = 1; i <= epochs; ++i) {
    const auto wanted =
        std::llround(static_cast<double>(steps) * std::pow(static_cast<double>(i) / epochs, 2.5));
    const int64_t previous = at.empty() ? 0 : at.back();
    at.push_back(std::clamp<int64_t>(wanted, previous + 1, steps - (epochs - i)));
  }
  return at;
}

std::vector<int32_t> gather_labels(const ImageSet& images, std::span<const int32_t> ids) {
  std::vector<int32_t> labels;
  labels.reserve(ids.size());
  for (const int32_t id : ids) labels.push_back(images.labels[id]);
  return labels;
}

double train_on(Classifier& classifier, const ImageSet& images, std::span<const int32_t> ids, double rate) {
  return classifier.train_step(gather_images(images, ids), gather_labels(images, ids), rate);
}

void cut(ImageData& data, int64_t samples, uint64_t seed) {
  if (samples <= 0) return;
  data.train = random_subset(data.train, samples, seed);
  data.test = random_subset(data.test, std::max<int64_t>(1, samples / 6), seed);
}

}  // namespace dvi
