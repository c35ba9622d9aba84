#include "fit/standard/classifier_metric.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>

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

/// What the classifier says of samples: weighted class distribution, weighted rank of the margin. Of many
/// classes the likeliest are kept, and of the others what they have together: distributions of 1,000 classes
/// would be twice as large as all else.
class Opinions {
 public:
  /// Of logits [n, C].
  Opinions(MatrixView logits, float sharpness, const MarginRanks& ranks, double class_weight,
           double rank_weight)
      : classes_(logits.cols),
        kept_(classes_ <= most_whole ? classes_ : likeliest),
        class_(kept_ < classes_ ? static_cast<size_t>(logits.rows * kept_) : 0),
        share_(static_cast<size_t>(logits.rows * kept_)),
        others_(static_cast<size_t>(logits.rows)) {
    const std::vector<Verdict> verdicts = judge(logits);
    const auto weigh = [&](int64_t begin, int64_t end, int) {
      std::vector<float> all(static_cast<size_t>(classes_));
      std::vector<uint16_t> order(all.size());
      for (int64_t i = begin; i < end; ++i) {
        const Verdict& verdict = verdicts[static_cast<size_t>(i)];
        const float most = logits(i, verdict.prediction);
        float sum = 0;
        for (int64_t c = 0; c < classes_; ++c)
          sum += all[static_cast<size_t>(c)] = std::exp(sharpness * (logits(i, c) - most));
        for (float& share : all) share *= static_cast<float>(class_weight) / sum;
        keep(all, order, i);
        others_[static_cast<size_t>(i)].rank = static_cast<float>(rank_weight) * ranks.of(verdict.margin);
      }
    };
    shared_for(
        logits.rows, 1024, weigh,
        {shared_rows(class_, class_.empty() ? 0 : kept_), shared_rows(share_, kept_), shared_rows(others_)});
  }

  /// `sum` and the squared distance between sample i of these and sample j of `other`.
  float add_squared_distance(float sum, int64_t i, const Opinions& other, int64_t j) const {
    const Others &a = others_[static_cast<size_t>(i)], &b = other.others_[static_cast<size_t>(j)];
    const float *one = &share_[static_cast<size_t>(i * kept_)],
                *two = &other.share_[static_cast<size_t>(j * kept_)];
    if (class_.empty()) {
      for (int64_t c = 0; c < kept_; ++c) sum += (one[c] - two[c]) * (one[c] - two[c]);
    } else {
      const uint16_t *of_one = &class_[static_cast<size_t>(i * kept_)],
                     *of_two = &other.class_[static_cast<size_t>(j * kept_)];
      // Classes that are not kept of a sample count as if its others were alike.
      float product = 0, one_alone = 0, two_alone = 0;
      int64_t both = 0;
      for (int64_t c = 0, d = 0; c < kept_ || d < kept_;) {
        if (d == kept_ || (c < kept_ && of_one[c] < of_two[d])) {
          one_alone += one[c++];
        } else if (c == kept_ || of_two[d] < of_one[c]) {
          two_alone += two[d++];
        } else {
          product += one[c++] * two[d++];
          ++both;
        }
      }
      const auto others = static_cast<float>(classes_ - kept_);
      product += one_alone * b.share / others + two_alone * a.share / others +
                 static_cast<float>(classes_ - 2 * kept_ + both) * (a.share / others) * (b.share / others);
      sum += std::max(0.f, a.square + b.square - 2 * product);
    }
    return sum + (a.rank - b.rank) * (a.rank - b.rank);
  }

 private:
  static constexpr int64_t most_whole = 128, likeliest = 32;
  struct Others {
    float rank = 0;
    float share = 0, square = 0;  // of the classes that are not kept, and of all
  };

  /// The shares of all classes of sample i; `order` is room for it.
  void keep(std::span<const float> all, std::vector<uint16_t>& order, int64_t i) {
    float* const share = &share_[static_cast<size_t>(i * kept_)];
    if (class_.empty()) {
      std::ranges::copy(all, share);
      return;
    }
    std::iota(order.begin(), order.end(), uint16_t{0});
    const auto last = order.begin() + kept_;
    std::ranges::nth_element(
        order, last, [&](uint16_t a, uint16_t b) { return all[a] != all[b] ? all[a] > all[b] : a < b; });
    std::sort(order.begin(), last);
    std::copy(order.begin(), last, &class_[static_cast<size_t>(i * kept_)]);
    Others& others = others_[static_cast<size_t>(i)];
    for (int64_t r = 0; r < kept_; ++r) share[r] = all[order[static_cast<size_t>(r)]];
    for (auto other = last; other != order.end(); ++other) others.share += all[*other];
    for (const float s : all) others.square += s * s;
  }

  int64_t classes_, kept_;
  std::vector<uint16_t> class_;  // [n, kept], ascending; none where all are kept
  std::vector<float> share_;     // [n, kept]
  std::vector<Others> others_;   // [n]
};

/// The fit_k nearest of the candidates by both: features, whose squared distance counts `feature_scale`, and
/// opinions. Row i of `candidates` is row `first` + i of `own`; its indices are rows of `train`.
Neighbors reordered(const Neighbors& candidates, double feature_scale, const Opinions& own, int64_t first,
                    const Opinions& train) {
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
        const auto square = static_cast<float>(feature_scale * feature * feature);
        order.emplace_back(std::sqrt(own.add_squared_distance(square, first + i, train, j)), j);
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
  const float sharp = sharpness(train_logits);
  const auto opinions_of = [&](MatrixView logits) {
    return Opinions(logits, sharp, ranks, out.strength * options.class_weight, options.margin_rank_weight);
  };
  const double variance = total_variance(train_features), scale = variance > 0 ? 1 / variance : 1;
  const Opinions train = opinions_of(train_logits);
  const RowRange own = owned_rows(train_logits.rows), own_boundary = owned_rows(data.boundary.size());
  const Alone alone;  // each rank its own rows
  out.train_to_train = reordered(data.train_to_train, scale, train, own.begin, train);
  out.boundary_to_train = reordered(
      data.boundary_to_train, scale,
      opinions_of(data.boundary.logits.view().slice(own_boundary.begin, own_boundary.size())), 0, train);
  return out;
}

}  // namespace dvi
