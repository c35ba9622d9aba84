// Feature space: classes that collapse onto their means (neural collapse: Papyan, Han & Donoho, PNAS 2020),
// and held-out samples far from everything that was trained on.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "findings/detectors.h"
#include "findings/statistics.h"

namespace dvi {
namespace {

// Within-class scatter of train samples, as part of the held-out samples' around the same means.
constexpr double collapsed = 0.25;
constexpr double false_discovery_rate = 0.01;
constexpr size_t least_outliers = 3;  // one or two are within what a log-normal tail does not tell

struct Scatter {
  double train = 0, held_out = 0, between = 0;  // mean squared distances
};

std::optional<Scatter> scatter(const RunHistory& history, size_t e) {
  const RecordedRows features = history.run().epoch(history.number(e)).mapped_features();
  const int64_t d = features.cols(), classes = history.classes();
  std::vector<double> mean(static_cast<size_t>(classes * d), 0), middle(static_cast<size_t>(d), 0);
  std::vector<double> count(static_cast<size_t>(classes), 0);
  for (const int32_t id : history.train()) {
    const auto c = static_cast<size_t>(history.label(id));
    ++count[c];
    const float* row = features.row(id);
    for (int64_t j = 0; j < d; ++j) mean[c * static_cast<size_t>(d) + static_cast<size_t>(j)] += row[j];
  }
  for (size_t c = 0; c < count.size(); ++c)
    for (size_t j = 0; j < middle.size(); ++j) {
      middle[j] += mean[c * middle.size() + j] / static_cast<double>(history.train().size());
      if (count[c] > 0) mean[c * middle.size() + j] /= count[c];
    }
  const auto mean_square = [&](std::span<const int32_t> ids) {
    double sum = 0;
    for (const int32_t id : ids) {
      const double* m = &mean[static_cast<size_t>(history.label(id)) * middle.size()];
      const float* row = features.row(id);
      for (size_t j = 0; j < middle.size(); ++j) sum += (row[j] - m[j]) * (row[j] - m[j]);
    }
    return sum / static_cast<double>(ids.size());
  };
  Scatter s;
  s.train = mean_square(history.train());
  s.held_out = mean_square(history.held_out());
  for (size_t c = 0; c < count.size(); ++c)
    for (size_t j = 0; j < middle.size(); ++j) {
      const double difference = mean[c * middle.size() + j] - middle[j];
      s.between += count[c] / static_cast<double>(history.train().size()) * difference * difference;
    }
  if (!(s.held_out > 0) || !(s.between > 0)) return std::nullopt;
  return s;
}

std::vector<Finding> collapses(const RunHistory& history) {
  // Only the last epoch is looked at in full; if it has not collapsed, no earlier one need be read.
  const size_t last = history.size() - 1;
  const auto now = scatter(history, last);
  if (!now || now->train >= collapsed * now->held_out) return {};
  size_t since = last;
  while (since > 0) {
    const auto before = scatter(history, since - 1);
    if (!before || before->train >= collapsed * before->held_out) break;
    --since;
  }
  Finding f{"collapse",
            history.number(since),
            history.number(last),
            {},
            {},
            1 - now->train / now->held_out,
            "",
            history.number(last),
            "label"};
  f.text = fmt::format(
      "Training samples have collapsed onto their classes' means since epoch {}: within classes they scatter "
      "{:.3f} of what classes are apart, held-out samples {:.3f}.",
      history.called(f.from), now->train / now->between, now->held_out / now->between);
  return {f};
}

/// Distance to the nearest train sample, log, of each of `ids`.
std::vector<double> log_distances(const RunHistory& history, size_t e, MatrixView features,
                                  std::span<const int32_t> ids) {
  const ViewEpoch& epoch = history.epoch(e);
  const auto k = static_cast<size_t>(epoch.neighbor_count());
  const Manifest& manifest = history.run().manifest();
  std::vector<double> found(ids.size());
  parallel_for(static_cast<int64_t>(ids.size()), 1024, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto neighbors = epoch.neighbors().subspan(static_cast<size_t>(ids[i]) * k, k);
      // Others of the own group may come first; the farthest of the list is the nearest a train sample can be
      // if there is none among them.
      int32_t nearest = neighbors[k - 1];
      for (const int32_t other : neighbors)
        if (manifest.group_of(other).role == "train") {
          nearest = other;
          break;
        }
      double square = 0;
      for (int64_t j = 0; j < features.cols; ++j) {
        const double difference = double{features(ids[i], j)} - features(nearest, j);
        square += difference * difference;
      }
      found[i] = std::log(std::sqrt(square) + 1e-30);
    }
  });
  return found;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Distances are taken as log-normal around their median, with the spread of the middle half of them, which
/// outliers do not reach; Benjamini and Hochberg (JRSS B 1995) keep false ones below one in a hundred.
std::vector<Finding> outliers(const RunHistory& history) {
  const size_t last = history.size() - 1;
  const auto& ids = history.held_out();
  if (ids.size() < 50) return {};
  const RecordedRows features = history.run().epoch(history.number(last)).mapped_features();
  const auto distances = log_distances(history, last, features, ids);
  const double middle = median(distances);
  std::vector<double> deviations;
  for (const double d : distances) deviations.push_back(std::abs(d - middle));
  const double spread = 1.4826 * median(deviations);
  if (!(spread > 0)) return {};
  std::vector<std::pair<double, size_t>> order;  // tail probability
  for (size_t i = 0; i < ids.size(); ++i)
    order.emplace_back(normal_tail((distances[i] - middle) / spread), i);
  std::sort(order.begin(), order.end());
  size_t count = 0;
  for (size_t r = 0; r < order.size(); ++r)
    if (order[r].first <=
        false_discovery_rate * static_cast<double>(r + 1) / static_cast<double>(order.size()))
      count = r + 1;
  if (count < least_outliers) return {};
  Finding f{"outlier",
            history.number(last),
            history.number(last),
            {},
            {},
            std::min(1.0, 10 * static_cast<double>(count) / static_cast<double>(ids.size())),
            "",
            history.number(last),
            "group"};
  double farthest = 0;
  for (size_t r = 0; r < count && r < 1000; ++r) {
    f.samples.push_back(ids[order[r].second]);
    farthest = std::max(farthest, std::exp(distances[order[r].second] - middle));
  }
  f.classes = frequent_labels(history, f.samples, 3);
  f.text = fmt::format(
      "{} held-out samples lie far from everything that was trained on (epoch {}), up to {:.1f} times as far "
      "from the nearest "
      "training sample as is usual; what is predicted there is a guess.",
      count, history.called(f.to), farthest);
  return {f};
}

}  // namespace

std::vector<Finding> find_geometry(const RunHistory& history) {
  if (history.size() == 0 || history.held_out().empty()) return {};
  auto found = collapses(history);
  for (Finding& f : outliers(history)) found.push_back(std::move(f));
  return found;
}

}  // namespace dvi
