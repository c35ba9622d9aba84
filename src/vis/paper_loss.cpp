#include "vis/paper_loss.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "core/multiversion.h"

namespace dvi {
namespace {

constexpr float least_probability = 1e-4f;
constexpr int lanes =
    16;  // sums are taken in this many parts, which the compiler keeps in one vector register

/// Loss of one pair and its derivative by the squared distance s.
struct PairLoss {
  float loss, slope;
};

PairLoss attraction(const UmapCurve& curve, float s) {
  const float power = curve.a * std::pow(s, curve.b), q = 1 / (1 + power);
  if (q < least_probability) return {-std::log(least_probability), 0};
  return {-std::log(q), s > 0 ? curve.b * power * q / s : 0};
}

PairLoss repulsion(const UmapCurve& curve, float s) {
  const float power = curve.a * std::pow(s, curve.b), q = 1 / (1 + power), apart = power * q;
  if (apart < least_probability) return {-std::log(least_probability), 0};
  return {-std::log(apart), -curve.b * q / s};
}

struct Offset {
  float x, y;
  float square() const { return x * x + y * y; }
};

Offset offset(MatrixView from, int64_t i, MatrixView to, int64_t j) {
  return {from(i, 0) - to(j, 0), from(i, 1) - to(j, 1)};
}

DVI_MULTIVERSION float weighted_error(const float* __restrict feature, const float* __restrict weight,
                                      float scale, float* __restrict reconstruction, int64_t n) {
  float sums[lanes] = {};
  int64_t d = 0;
  for (; d + lanes <= n; d += lanes)
    for (int l = 0; l < lanes; ++l) {
      const float error = reconstruction[d + l] - feature[d + l], weighted = weight[d + l] * error;
      sums[l] += weighted * error;
      reconstruction[d + l] = 2 * scale * weighted;
    }
  for (; d < n; ++d) {
    const float error = reconstruction[d] - feature[d], weighted = weight[d] * error;
    sums[0] += weighted * error;
    reconstruction[d] = 2 * scale * weighted;
  }
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

DVI_MULTIVERSION float penalty(const float* __restrict parameter, const float* __restrict previous,
                               float strength, float* __restrict gradient, int64_t n) {
  float sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int l = 0; l < lanes; ++l) {
      const float change = parameter[i + l] - previous[i + l];
      sums[l] += change * change;
      gradient[i + l] += 2 * strength * change;
    }
  for (; i < n; ++i) {
    const float change = parameter[i] - previous[i];
    sums[0] += change * change;
    gradient[i] += 2 * strength * change;
  }
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

}  // namespace

void Negatives::draw(int64_t edges, int negatives_per_edge, Random& random) {
  per_edge = negatives_per_edge;
  other.resize(static_cast<size_t>(edges * per_edge));
  inverse.resize(other.size());
  std::iota(other.begin(), other.end(), 0);
  for (size_t i = other.size(); i > 1; --i) std::swap(other[i - 1], other[random.below(i)]);
  for (size_t k = 0; k < other.size(); ++k) inverse[static_cast<size_t>(other[k])] = static_cast<int32_t>(k);
}

double umap_cross_entropy(const UmapCurve& curve, MatrixView from, MatrixView to, const Negatives& negatives,
                          int64_t begin, int64_t end, MutMatrixView from_gradient,
                          MutMatrixView to_gradient) {
  const int64_t per_edge = negatives.per_edge;
  const double share = 1 / static_cast<double>(from.rows * (1 + per_edge));
  double loss = 0;
  for (int64_t e = begin; e < end; ++e) {
    const auto o = offset(from, e, to, e);
    const auto pull = attraction(curve, o.square());
    loss += pull.loss;
    Offset at_from{pull.slope * o.x, pull.slope * o.y}, at_to{-at_from.x, -at_from.y};
    for (int64_t k = e * per_edge; k < (e + 1) * per_edge; ++k) {
      // A pair that two workers share is computed by both: cheaper than letting one wait for the other.
      const auto there = offset(from, e, to, negatives.other[static_cast<size_t>(k)] / per_edge);
      const auto push = repulsion(curve, there.square());
      loss += push.loss;
      at_from.x += push.slope * there.x;
      at_from.y += push.slope * there.y;
      const auto here = offset(from, negatives.inverse[static_cast<size_t>(k)] / per_edge, to, e);
      const float slope = repulsion(curve, here.square()).slope;
      at_to.x -= slope * here.x;
      at_to.y -= slope * here.y;
    }
    const auto scale = static_cast<float>(2 * share);  // d s / d position = 2 * offset
    from_gradient(e, 0) = scale * at_from.x;
    from_gradient(e, 1) = scale * at_from.y;
    to_gradient(e, 0) = scale * at_to.x;
    to_gradient(e, 1) = scale * at_to.y;
  }
  return loss * share;
}

double reconstruction_loss(MatrixView features, std::span<const float* const> weights, float scale,
                           MutMatrixView reconstructions) {
  double loss = 0;
  for (int64_t i = 0; i < features.rows; ++i)
    loss += weighted_error(features.row(i), weights[static_cast<size_t>(i)], scale, reconstructions.row(i),
                           features.cols);
  return scale * loss;
}

double weight_penalty(std::span<const float> parameters, std::span<const float> previous, float strength,
                      std::span<float> gradient) {
  constexpr size_t piece = 4096;  // summed in float32
  double sum = 0;
  for (size_t i = 0; i < parameters.size(); i += piece)
    sum += penalty(parameters.data() + i, previous.data() + i, strength, gradient.data() + i,
                   static_cast<int64_t>(std::min(piece, parameters.size() - i)));
  return strength * sum;
}

}  // namespace dvi
