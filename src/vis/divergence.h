// How far the classifier's opinion of a reconstruction is from its opinion of the sample: KL(p || q) of the
// class distributions.
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"

namespace dvi {

/// What logits [n, C] are multiplied with before distributions are compared: 1, but more for a classifier at
/// the start of its training, whose logits are nearly equal. Its distributions hardly differ, yet its
/// predictions are to survive the round trip all the same.
float sharpness(const StackedView& logits);

/// KL(p || q) of one sample, p = softmax(sharpness * logits), q = softmax(sharpness * other). `other` [C]
/// becomes the gradient by it of KL / batch.
double divergence(std::span<const float> logits, std::span<float> other, float sharpness, int64_t batch);

}  // namespace dvi
