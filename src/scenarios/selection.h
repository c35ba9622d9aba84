// Which samples to have labelled next: the strategies of the active-learning scenario.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "subject/logits.h"

namespace dvi {

enum class Strategy { random, least_confidence, coreset, learning_loss };

/// "random", "least-confidence", "coreset", "learning-loss"; throws Error for anything else.
Strategy strategy_of(const std::string& name);

/// 1 - confidence: high where the prediction is least certain (Lewis & Gale, SIGIR 1994).
std::vector<float> least_confidence(std::span<const Verdict>);

/// Euclidean distance of each sample to the nearest labelled one, in feature space (Sener & Savarese, ICLR
/// 2018).
std::vector<float> distance_to_labelled(MatrixView features, std::span<const int32_t> labelled);

/// The `count` samples of `pool` with the highest score that are not labelled; the lower id first among
/// equals.
std::vector<int32_t> highest(std::span<const float> score, std::span<const int32_t> pool,
                             std::span<const int32_t> labelled, int64_t count);

/// Greedy k-center (Sener & Savarese, ICLR 2018): again and again the sample of `pool` that is farthest from
/// all labelled and chosen ones. `distance` is what distance_to_labelled says.
std::vector<int32_t> k_centers(MatrixView features, std::vector<float> distance,
                               std::span<const int32_t> pool, int64_t count);

}  // namespace dvi
