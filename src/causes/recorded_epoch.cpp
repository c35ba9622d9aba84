#include "causes/recorded_epoch.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "subject/logits.h"

namespace dvi {

RecordedEpoch::RecordedEpoch(const Run& run, int number) : number_(number) {
  const Epoch epoch = run.epoch(number);
  file_ = NpyArray::open(epoch.folder() / "features.npy");
  file_.expect_dtype({DType::f32, DType::f16});
  file_.expect_shape({run.manifest().sample_count(), run.manifest().feature_dim});
  if (file_.dtype() == DType::f16) {
    converted_ = file_.to_matrix();
    features_ = converted_;
  } else {
    features_ = file_.matrix();
  }
  const auto subject = open_subject(run, epoch);
  if (subject->linear_head() != nullptr) head_ = *subject->linear_head();
  logits_ = epoch_logits(epoch, features_, *subject);

  probabilities_ = Matrix(logits_.rows(), logits_.cols());
  predictions_.resize(static_cast<size_t>(logits_.rows()));
  parallel_for(logits_.rows(), 4096, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const float* row = logits_.row(i);
      float* p = probabilities_.row(i);
      const float* most = std::max_element(row, row + logits_.cols());
      predictions_[static_cast<size_t>(i)] = static_cast<int32_t>(most - row);
      float sum = 0;
      for (int64_t c = 0; c < logits_.cols(); ++c) sum += p[c] = std::exp(row[c] - *most);
      for (int64_t c = 0; c < logits_.cols(); ++c) p[c] /= sum;
    }
  });

  trained_on_ = epoch.training_set().value_or(run.manifest().ids_of_role("train"));
  if (trained_on_.empty()) {
    trained_on_.resize(static_cast<size_t>(logits_.rows()));
    for (size_t i = 0; i < trained_on_.size(); ++i) trained_on_[i] = static_cast<int32_t>(i);
  }
  std::erase_if(trained_on_, [&](int32_t id) { return run.labels()[static_cast<size_t>(id)] < 0; });
  std::sort(trained_on_.begin(), trained_on_.end());
  trained_on_.erase(std::unique(trained_on_.begin(), trained_on_.end()), trained_on_.end());
}

}  // namespace dvi
