#include "metrics/temporal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"
#include "metrics/correlation.h"

namespace dvi {
namespace {

constexpr size_t tnn_k = 3, smallest_third = 3;

/// What one sample adds to the sums; tlr is summed over the epochs of each third.
struct Terms {
  double pearson = 0, tlr[3] = {0, 0, 0}, tnn = 0;
};

/// Bounds of three consecutive parts of `epochs`, as equal as can be.
std::array<size_t, 4> thirds_of(size_t epochs) { return {0, (epochs + 1) / 3, (2 * epochs + 1) / 3, epochs}; }

double distance(const float* a, const float* b, int64_t n) {
  float sums[8] = {};
  int64_t d = 0;
  for (; d + 8 <= n; d += 8)
    for (int64_t lane = 0; lane < 8; ++lane) {
      const float difference = a[d + lane] - b[d + lane];
      sums[lane] += difference * difference;
    }
  for (; d < n; ++d) sums[0] += (a[d] - b[d]) * (a[d] - b[d]);
  return std::sqrt(std::accumulate(sums, sums + 8, 0.0));
}

/// Distances of one sample between all pairs of epochs, [T, T].
std::vector<double> epoch_distances(std::span<const TemporalEpoch> epochs, MatrixView TemporalEpoch::*space,
                                    int64_t sample) {
  const size_t t = epochs.size();
  std::vector<double> out(t * t, 0);
  for (size_t a = 0; a < t; ++a)
    for (size_t b = a + 1; b < t; ++b)
      out[a * t + b] = out[b * t + a] =
          distance((epochs[a].*space).row(sample), (epochs[b].*space).row(sample), (epochs[a].*space).cols);
  return out;
}

/// The nearest epochs to e, ties by time.
std::array<size_t, tnn_k> nearest_epochs(std::span<const double> distances, size_t e) {
  std::vector<size_t> others;
  for (size_t o = 0; o < distances.size(); ++o)
    if (o != e) others.push_back(o);
  std::partial_sort(others.begin(), others.begin() + tnn_k, others.end(), [&](size_t a, size_t b) {
    return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
  });
  return {others[0], others[1], others[2]};
}

double kept_share(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto kept = std::count_if(a.begin(), a.end(),
                                  [&](int32_t x) { return std::find(b.begin(), b.end(), x) != b.end(); });
  return static_cast<double>(kept) / static_cast<double>(a.size());
}

double temporal_pearson(std::span<const TemporalEpoch> epochs, int64_t sample, int k) {
  std::vector<double> kept, moved;
  for (size_t e = 1; e < epochs.size(); ++e) {
    const auto list = [&](const TemporalEpoch& epoch) {
      return epoch.neighbors.subspan(static_cast<size_t>(sample * k), static_cast<size_t>(k));
    };
    kept.push_back(kept_share(list(epochs[e - 1]), list(epochs[e])));
    moved.push_back(distance(epochs[e - 1].positions.row(sample), epochs[e].positions.row(sample), 2));
  }
  return pearson(kept, moved);
}

/// Of one epoch of a third [begin, end).
double local_ranking(std::span<const double> in_features, std::span<const double> in_plane, size_t begin,
                     size_t end, size_t e) {
  std::vector<double> x, y;
  for (size_t o = begin; o < end; ++o)
    if (o != e) {
      x.push_back(in_features[o]);
      y.push_back(in_plane[o]);
    }
  return spearman(x, y);
}

Terms terms_of(std::span<const TemporalEpoch> epochs, int64_t sample, int k) {
  const size_t count = epochs.size();
  Terms terms;
  if (count < 3) return terms;
  terms.pearson = temporal_pearson(epochs, sample, k);
  const auto features = epoch_distances(epochs, &TemporalEpoch::features, sample);
  const auto plane = epoch_distances(epochs, &TemporalEpoch::positions, sample);
  const auto row = [count](const std::vector<double>& m, size_t e) {
    return std::span(m).subspan(e * count, count);
  };
  const auto thirds = thirds_of(count);
  for (size_t third = 0; third < 3; ++third) {
    const size_t begin = thirds[third], end = thirds[third + 1];
    if (end - begin < smallest_third) continue;
    for (size_t e = begin; e < end; ++e)
      terms.tlr[third] += local_ranking(row(features, e), row(plane, e), begin, end, e);
  }
  if (count < tnn_k + 2) return terms;
  for (size_t e = 0; e < count; ++e) {
    const auto a = nearest_epochs(row(features, e), e), b = nearest_epochs(row(plane, e), e);
    for (const size_t x : a) terms.tnn += std::find(b.begin(), b.end(), x) != b.end();
  }
  return terms;
}

}  // namespace

Json to_json(const TemporalMetrics& metrics) {
  Json json = {{"count", metrics.count}};
  const std::pair<const char*, std::optional<double>> values[] = {
      {"temporal_pearson", metrics.temporal_pearson},
      {"tlr", metrics.tlr},
      {"tlr_early", metrics.tlr_early},
      {"tlr_middle", metrics.tlr_middle},
      {"tlr_late", metrics.tlr_late},
      {"tnn_3", metrics.tnn_3},
      {"tnn_3_chance", metrics.tnn_3_chance}};
  for (const auto& [name, value] : values)
    if (value) json[name] = *value;
  return json;
}

void TemporalSums::add(std::span<const TemporalEpoch> epochs, int k) {
  if (epochs.empty()) return;
  const int64_t n = epochs[0].features.rows;
  for (const auto& epoch : epochs)
    if (epoch.features.rows != n || epoch.features.cols != epochs[0].features.cols ||
        epoch.positions.rows != n || epoch.positions.cols != 2 ||
        static_cast<int64_t>(epoch.neighbors.size()) != n * k)
      fail(
          "temporal metrics: expected features, positions and {} neighbours of {} samples at every epoch, "
          "found {}, {} "
          "and {} values",
          k, n, epoch.features.rows, epoch.positions.rows, epoch.neighbors.size());
  if (samples_ > 0 && epochs_ != epochs.size())
    fail("temporal metrics: expected {} epochs, found {}", epochs_, epochs.size());
  epochs_ = epochs.size();

  std::vector<Terms> terms(static_cast<size_t>(n));
  parallel_for(n, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) terms[static_cast<size_t>(i)] = terms_of(epochs, i, k);
  });
  for (const Terms& t : terms) {
    pearson_ += t.pearson;
    for (size_t third = 0; third < 3; ++third) tlr_[third] += t.tlr[third];
    tnn_ += t.tnn;
  }
  samples_ += n;
}

TemporalMetrics TemporalSums::metrics() const {
  TemporalMetrics out;
  out.count = samples_;
  if (samples_ == 0 || epochs_ < 3) return out;
  const auto n = static_cast<double>(samples_);
  out.temporal_pearson = pearson_ / n;

  const auto thirds = thirds_of(epochs_);
  std::optional<double>* by_third[] = {&out.tlr_early, &out.tlr_middle, &out.tlr_late};
  double sum = 0;
  size_t measured = 0;
  for (size_t third = 0; third < 3; ++third) {
    const size_t size = thirds[third + 1] - thirds[third];
    if (size < smallest_third) continue;
    *by_third[third] = tlr_[third] / (n * static_cast<double>(size));
    sum += tlr_[third];
    measured += size;
  }
  if (measured > 0) out.tlr = sum / (n * static_cast<double>(measured));

  if (epochs_ >= tnn_k + 2) {
    out.tnn_3 = tnn_ / (n * static_cast<double>(epochs_));
    out.tnn_3_chance = static_cast<double>(tnn_k * tnn_k) / static_cast<double>(epochs_ - 1);
  }
  return out;
}

}  // namespace dvi
