#include "fit/standard/classifier_metric.h"

#include <algorithm>
#include <cmath>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "project/margin_ranks.h"
#include "vis/divergence.h"

namespace dvi {
namespace {

/// Mean squared distance of features [n, D] to their mean; of at most some thousand of them.
double total_variance(MatrixView features) {
  constexpr int64_t enough = 10'000;
  const int64_t stride = std::max<int64_t>(1, features.rows / enough);
  std::vector<double> sum(static_cast<size_t>(features.cols), 0), square(sum);
  double count = 0;
  for (int64_t i = 0; i < features.rows; i += stride, ++count)
    for (int64_t l = 0; l < features.cols; ++l) {
      const double v = features(i, l);
      sum[static_cast<size_t>(l)] += v;
      square[static_cast<size_t>(l)] += v * v;
    }
  double variance = 0;
  for (size_t l = 0; l < sum.size(); ++l) variance += square[l] / count - (sum[l] / count) * (sum[l] / count);
  return variance;
}

double disagreement_of(const SampleSets& sets, const EpochData& data) {
  const int k = std::min(fit_k, data.train_to_train.k);
  const auto prediction = [&](int32_t row) {
    return data.verdicts[static_cast<size_t>(sets.train[static_cast<size_t>(row)])].prediction;
  };
  const int64_t n = std::ssize(sets.train), first = owned_rows(n).begin;
  int64_t other = 0;
  for (int64_t i = 0; i < data.train_to_train.size(); ++i)
    for (const int32_t j : data.train_to_train.row(i).first(static_cast<size_t>(k)))
      other += prediction(j) != prediction(static_cast<int32_t>(first + i));
  comm().sum({&other, 1});
  return static_cast<double>(other) / static_cast<double>(n * k);
}

/// What the classifier says of samples: weighted class distribution, then weighted rank of the margin.
class Opinions {
 public:
  Opinions(float sharpness, const MarginRanks& ranks, double class_weight, double rank_weight)
      : sharpness_(sharpness),
        ranks_(ranks),
        class_weight_(static_cast<float>(class_weight)),
        rank_weight_(static_cast<float>(rank_weight)) {}

  /// [n, C + 1] of logits [n, C].
  Matrix of(MatrixView logits) const {
    const int64_t classes = logits.cols;
    const std::vector<Verdict> verdicts = judge(logits);
    Matrix out(logits.rows, classes + 1);
    const auto weigh = [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        float* const row = out.row(i);
        const float most = logits(i, verdicts[static_cast<size_t>(i)].prediction);
        float sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += row[c] = std::exp(sharpness_ * (logits(i, c) - most));
        for (int64_t c = 0; c < classes; ++c) row[c] *= class_weight_ / sum;
        row[classes] = rank_weight_ * ranks_.of(verdicts[static_cast<size_t>(i)].margin);
      }
    };
    shared_for(logits.rows, 1024, weigh, {shared_rows(out.mut())});
    return out;
  }

 private:
  float sharpness_;
  const MarginRanks& ranks_;
  float class_weight_, rank_weight_;
};

/// The fit_k nearest of the candidates by both: features, whose squared distance counts `feature_scale`, and
/// opinions. Row i of `candidates` is row i of `own`; its indices are rows of `train`.
Neighbors reordered(const Neighbors& candidates, double feature_scale, MatrixView own, MatrixView train) {
  const int k = std::min(fit_k, candidates.k);
  const auto size = static_cast<size_t>(candidates.size() * k);
  Neighbors out{k, std::vector<int32_t>(size), std::vector<float>(size)};
  const auto reorder = [&](int64_t begin, int64_t end, int) {
    std::vector<std::pair<float, int32_t>> order;
    for (int64_t i = begin; i < end; ++i) {
      order.clear();
      for (int r = 0; r < candidates.k; ++r) {
        const int32_t j = candidates.row(i)[static_cast<size_t>(r)];
        const double feature = candidates.distances(i)[static_cast<size_t>(r)];
        float square = static_cast<float>(feature_scale * feature * feature);
        for (int64_t c = 0; c < own.cols; ++c)
          square += (own(i, c) - train(j, c)) * (own(i, c) - train(j, c));
        order.emplace_back(std::sqrt(square), j);
      }
      std::partial_sort(order.begin(), order.begin() + k, order.end());
      for (int r = 0; r < k; ++r) {
        const auto at = static_cast<size_t>(i * k + r);
        std::tie(out.distance[at], out.index[at]) = order[static_cast<size_t>(r)];
      }
    }
  };
  parallel_for(candidates.size(), 256, reorder);
  return out;
}

}  // namespace

LayoutNeighbors layout_neighbors(const SampleSets& sets, const EpochData& data,
                                 const StandardOptions& options) {
  LayoutNeighbors out;
  out.disagreement = disagreement_of(sets, data);
  out.strength = std::max(1.0, std::pow(out.disagreement / options.usual_disagreement, 4));

  Matrix features_copy, logits_copy;
  const MatrixView train_features = view_rows(data.features, sets.train, features_copy),
                   train_logits = view_rows(data.logits, sets.train, logits_copy);
  const MarginRanks ranks(data.verdicts, sets.train);
  const Opinions opinions(sharpness(train_logits), ranks, out.strength * options.class_weight,
                          options.margin_rank_weight);
  const double variance = total_variance(train_features), scale = variance > 0 ? 1 / variance : 1;
  const Matrix train = opinions.of(train_logits);
  const RowRange own = owned_rows(train.rows()), own_boundary = owned_rows(data.boundary.size());
  const Alone alone;  // each rank its own rows
  out.train_to_train =
      reordered(data.train_to_train, scale, train.view().slice(own.begin, own.size()), train);
  out.boundary_to_train = reordered(
      data.boundary_to_train, scale,
      opinions.of(data.boundary.logits.view().slice(own_boundary.begin, own_boundary.size())), train);
  return out;
}

}  // namespace dvi
