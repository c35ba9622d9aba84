#include "subject/logits.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace dvi {

Verdict judge(std::span<const float> logits) {
  Verdict verdict;
  if (logits.size() < 2) {
    verdict.confidence = 1;
    return verdict;
  }
  int32_t first = 0, second = 1;
  if (logits[1] > logits[0]) std::swap(first, second);
  float least = logits[static_cast<size_t>(second)];
  for (size_t c = 2; c < logits.size(); ++c) {
    const auto id = static_cast<int32_t>(c);
    if (logits[c] > logits[static_cast<size_t>(first)]) {
      second = first;
      first = id;
    } else if (logits[c] > logits[static_cast<size_t>(second)]) {
      second = id;
    }
    least = std::min(least, logits[c]);
  }
  const float top1 = logits[static_cast<size_t>(first)], top2 = logits[static_cast<size_t>(second)];
  verdict.prediction = first;
  verdict.runner_up = second;
  verdict.confidence = probability(logits, first);
  // With two classes the runner-up is the least and the ratio always 1: there the probabilities tell how near
  // the boundary is.
  verdict.margin = logits.size() == 2 ? 2 * verdict.confidence - 1
                   : top1 > least     ? (top1 - top2) / (top1 - least)
                                      : 0.f;
  return verdict;
}

std::vector<Verdict> judge(MatrixView logits) {
  std::vector<Verdict> verdicts(static_cast<size_t>(logits.rows));
  parallel_for(logits.rows, 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      verdicts[static_cast<size_t>(i)] = judge(std::span(logits.row(i), static_cast<size_t>(logits.cols)));
  });
  return verdicts;
}

float probability(std::span<const float> logits, int32_t c) {
  const float top = *std::max_element(logits.begin(), logits.end());
  float sum = 0;
  for (const float logit : logits) sum += std::exp(logit - top);
  return std::exp(logits[static_cast<size_t>(c)] - top) / sum;
}

}  // namespace dvi
