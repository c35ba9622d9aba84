#include "project/one_by_one.h"

#include <algorithm>

#include "core/multiversion.h"
#include "core/parallel.h"

namespace dvi {
namespace {

DVI_MULTIVERSION float dot(const float* __restrict x, const float* __restrict y, int64_t d) {
  constexpr int64_t lanes = 32;
  float lane[lanes] = {};
  int64_t l = 0;
  for (; l + lanes <= d; l += lanes)
    for (int64_t k = 0; k < lanes; ++k) lane[k] += x[l + k] * y[l + k];
  for (; l < d; ++l) lane[l % lanes] += x[l] * y[l];
  float sum = 0;
  for (const float value : lane) sum += value;
  return sum;
}

}  // namespace

Matrix logits_one_by_one(SubjectModel& subject, MatrixView features) {
  Matrix logits(features.rows, subject.class_count());
  if (const LinearHead* head = subject.linear_head()) {
    // Some samples at a time, so that they and a row of weights stay in the cache.
    parallel_for(features.rows, 32, [&](int64_t begin, int64_t end, int) {
      for (int64_t c = 0; c < logits.cols(); ++c)
        for (int64_t i = begin; i < end; ++i)
          logits(i, c) =
              dot(features.row(i), head->weight.row(c), features.cols) + head->bias[static_cast<size_t>(c)];
    });
    return logits;
  }
  for (int64_t i = 0; i < features.rows; ++i) subject.head(features.slice(i, 1), logits.mut().slice(i, 1));
  return logits;
}

Matrix features_one_by_one(SubjectModel& subject, MatrixView inputs, std::span<const int64_t> sample_shape) {
  Matrix features(inputs.rows, subject.feature_dim());
  for (int64_t i = 0; i < inputs.rows; ++i)
    subject.features(inputs.slice(i, 1), sample_shape, features.mut().slice(i, 1));
  return features;
}

}  // namespace dvi
