#include "metrics/metrics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/parallel.h"
#include "graph/plane_neighbors.h"
#include "metrics/correlation.h"
#include "metrics/rank_quality.h"
#include "metrics/subset.h"
#include "subject/logits.h"

namespace dvi {
namespace {

constexpr int rank_k = 15;
constexpr uint64_t subset_seed = 20220222;

struct Key {
  const char* name;
  std::optional<double> GroupMetrics::*value;
};
constexpr Key keys[] = {{"nn_10", &GroupMetrics::nn_10},
                        {"nn_15", &GroupMetrics::nn_15},
                        {"nn_20", &GroupMetrics::nn_20},
                        {"nn_15_with_self", &GroupMetrics::nn_15_with_self},
                        {"boundary_15", &GroupMetrics::boundary_15},
                        {"boundary_15_chance", &GroupMetrics::boundary_15_chance},
                        {"ppr_fitted", &GroupMetrics::ppr_fitted},
                        {"ppr", &GroupMetrics::ppr},
                        {"moved_share", &GroupMetrics::moved_share},
                        {"moved_mean", &GroupMetrics::moved_mean},
                        {"margin_rank_fitted", &GroupMetrics::margin_rank_fitted},
                        {"margin_rank", &GroupMetrics::margin_rank},
                        {"ccr", &GroupMetrics::ccr},
                        {"mse", &GroupMetrics::mse},
                        {"trustworthiness_15", &GroupMetrics::trustworthiness_15},
                        {"continuity_15", &GroupMetrics::continuity_15},
                        {"keep_boundary", &GroupMetrics::keep_boundary}};

/// Rank correlation of the margins of the rows `ids` (all if empty); absent for fewer than 2.
std::optional<double> margin_rank(std::span<const Verdict> own, std::span<const Verdict> shown,
                                  std::span<const int32_t> ids) {
  std::vector<double> a, b;
  const auto add = [&](size_t row) {
    a.push_back(own[row].margin);
    b.push_back(shown[row].margin);
  };
  if (ids.empty())
    for (size_t row = 0; row < own.size(); ++row) add(row);
  for (const int32_t id : ids) add(static_cast<size_t>(id));
  if (a.size() < 2) return std::nullopt;
  double correlation = comm().rank() == 0 ? spearman(a, b) : 0;
  broadcast_value(correlation, 0);
  return correlation;
}

/// Mean of value(i) over [0, n), in parallel, the same for every number of threads.
template <typename Value>
double mean_of(int64_t n, const Value& value) {
  constexpr int64_t grain = 512;
  std::vector<double> sums(static_cast<size_t>((n + grain - 1) / grain), 0);
  parallel_for(n, grain, [&](int64_t begin, int64_t end, int) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += value(i);
    sums[static_cast<size_t>(begin / grain)] = sum;
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(n);
}

int overlap(std::span<const int32_t> a, std::span<const int32_t> b) {
  int both = 0;
  for (const int32_t x : a) both += std::find(b.begin(), b.end(), x) != b.end();
  return both;
}

/// Of the lists of n samples, of which, with `owned`, this rank has its own.
std::optional<double> mean_overlap(const Neighbors& a, const Neighbors& b, int k, int64_t n, bool owned) {
  if (a.k < k || b.k < k || n == 0) return std::nullopt;
  const std::optional<Alone> alone = owned ? std::nullopt : std::make_optional<Alone>();
  const int64_t first = owned_rows(n).begin;
  const double sum = sum_of_owned(n, [&](int64_t begin, int64_t end) {
    int64_t both = 0;
    for (int64_t i = begin - first; i < end - first; ++i)
      both += overlap(a.row(i).first(static_cast<size_t>(k)), b.row(i).first(static_cast<size_t>(k)));
    return static_cast<double>(both);
  });
  return sum / static_cast<double>(n);
}

/// Some rows of the lists of n samples, wherever they are.
Neighbors lists_of(const Neighbors& lists, std::span<const int64_t> rows, int64_t n, bool owned) {
  const RowRange own = owned ? owned_rows(n) : RowRange{0, n};
  const auto k = static_cast<size_t>(lists.k), size = rows.size() * k;
  std::vector<int64_t> bits(2 * size, 0);  // index and distance, of the rank that has them
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < own.begin || rows[i] >= own.end) continue;
    for (size_t r = 0; r < k; ++r) {
      bits[i * k + r] = lists.row(rows[i] - own.begin)[r];
      if (!lists.distance.empty())
        bits[size + i * k + r] = std::bit_cast<int32_t>(lists.distances(rows[i] - own.begin)[r]);
    }
  }
  if (owned) comm().sum(bits);
  Neighbors out{lists.k, std::vector<int32_t>(size), std::vector<float>(size)};
  for (size_t at = 0; at < size; ++at) {
    out.index[at] = static_cast<int32_t>(bits[at]);
    out.distance[at] = std::bit_cast<float>(static_cast<int32_t>(bits[size + at]));
  }
  return out;
}

void expect_rows(const Neighbors& lists, const GroupInput& input, const char* what) {
  const auto n = static_cast<int64_t>(input.ids.size()), rows = input.owned ? owned_rows(n).size() : n;
  if (lists.k > 0 && lists.size() != rows)
    fail("metrics: expected {} for each of {} samples, found {} rows", what, rows, lists.size());
}

}  // namespace

Json to_json(const GroupMetrics& metrics) {
  Json json = Json::object();
  json["count"] = metrics.count;
  for (const auto& [name, value] : keys)
    if (metrics.*value) json[name] = *(metrics.*value);
  return json;
}

GroupMetrics group_metrics_from_json(const Json& json) {
  GroupMetrics metrics;
  metrics.count = json.value("count", int64_t{0});
  for (const auto& [name, value] : keys)
    if (json.contains(name)) metrics.*value = json.at(name).get<double>();
  return metrics;
}

Json to_json(const EpochMetrics& metrics) {
  Json json = {{"train", to_json(metrics.train)},
               {"test", to_json(metrics.test)},
               {"boundary", to_json(metrics.boundary)},
               {"all", to_json(metrics.all)}};
  if (metrics.encoder_train) json["encoder_train"] = to_json(*metrics.encoder_train);
  if (metrics.encoder_test) json["encoder_test"] = to_json(*metrics.encoder_test);
  if (metrics.new_test) json["new_test"] = to_json(*metrics.new_test);
  if (metrics.new_boundary) json["new_boundary"] = to_json(*metrics.new_boundary);
  if (metrics.test_among_train) json["test_among_train"] = to_json(*metrics.test_among_train);
  if (metrics.territory_parts) json["territory_parts"] = *metrics.territory_parts;
  return json;
}

EpochMetrics epoch_metrics_from_json(const Json& json) {
  const auto group = [&json](const char* name) {
    return json.contains(name) ? std::optional(group_metrics_from_json(json.at(name))) : std::nullopt;
  };
  return {group("train").value_or(GroupMetrics{}),
          group("test").value_or(GroupMetrics{}),
          group("boundary").value_or(GroupMetrics{}),
          group("all").value_or(GroupMetrics{}),
          group("encoder_train"),
          group("encoder_test"),
          group("new_test"),
          group("new_boundary"),
          group("test_among_train"),
          json.contains("territory_parts") ? std::optional(json.at("territory_parts").get<int64_t>())
                                           : std::nullopt};
}

std::vector<float> squared_errors(MatrixView features, MatrixView features_after) {
  if (features.rows != features_after.rows || features.cols != features_after.cols)
    fail("round trip: expected features of the same shape, found {} x {} and {} x {}", features.rows,
         features.cols, features_after.rows, features_after.cols);
  std::vector<float> errors(static_cast<size_t>(features.rows));
  parallel_for(features.rows, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const float *a = features.row(i), *b = features_after.row(i);
      // Eight sums at once: one alone would wait for each addition.
      std::array<float, 8> sums{};
      int64_t d = 0;
      for (; d + 8 <= features.cols; d += 8)
        for (int64_t lane = 0; lane < 8; ++lane) {
          const float difference = a[d + lane] - b[d + lane];
          sums[static_cast<size_t>(lane)] += difference * difference;
        }
      for (; d < features.cols; ++d) sums[0] += (a[d] - b[d]) * (a[d] - b[d]);
      errors[static_cast<size_t>(i)] =
          std::accumulate(sums.begin(), sums.end(), 0.f) / static_cast<float>(features.cols);
    }
  });
  return errors;
}

GroupMetrics neighbor_metrics(MatrixView features, MatrixView positions, const GroupInput& input,
                              int rank_queries) {
  GroupMetrics metrics;
  metrics.count = static_cast<int64_t>(input.ids.size());
  if (input.ids.empty()) return metrics;
  const Neighbors &near = *input.neighbors, &plane = *input.plane_neighbors;
  expect_rows(near, input, "feature neighbours");
  expect_rows(plane, input, "plane neighbours");
  const auto both = [&](const Neighbors& a, const Neighbors& b, int k) {
    return mean_overlap(a, b, k, metrics.count, input.owned);
  };
  metrics.nn_10 = both(near, plane, 10);
  metrics.nn_15 = both(near, plane, 15);
  metrics.nn_20 = both(near, plane, 20);
  if (const auto others = both(near, plane, 14)) metrics.nn_15_with_self = 1 + *others;
  if (input.boundary_neighbors && input.plane_boundary_neighbors) {
    expect_rows(*input.boundary_neighbors, input, "boundary neighbours");
    expect_rows(*input.plane_boundary_neighbors, input, "plane boundary neighbours");
    metrics.boundary_15 = both(*input.boundary_neighbors, *input.plane_boundary_neighbors, 15);
    if (metrics.boundary_15)
      metrics.boundary_15_chance = 15.0 * 15.0 / static_cast<double>(input.boundary_count);
  }
  const auto references = static_cast<int64_t>(input.references.size());
  if (rank_queries > 0 && near.k >= rank_k && plane.k >= rank_k && 2 * references > 3 * rank_k + 1) {
    const auto rows = draw_subset(metrics.count, rank_queries, subset_seed);
    std::vector<int32_t> asked;
    for (const int64_t row : rows) asked.push_back(input.ids[static_cast<size_t>(row)]);
    const auto quality = rank_quality(features, positions, asked, input.references,
                                      lists_of(near, rows, metrics.count, input.owned),
                                      lists_of(plane, rows, metrics.count, input.owned), rank_k);
    metrics.trustworthiness_15 = quality.trustworthiness;
    metrics.continuity_15 = quality.continuity;
  }
  return metrics;
}

void add_round_trip(GroupMetrics& metrics, std::span<const Verdict> own, const RoundTrip& trip,
                    std::span<const int32_t> ids) {
  if (own.size() != trip.verdicts.size() || own.size() != trip.still_as_probable.size() ||
      own.size() != trip.error.size())
    fail("round trip: expected what is said of {} samples after it, found {}, {} and {} of them", own.size(),
         trip.verdicts.size(), trip.still_as_probable.size(), trip.error.size());
  const int64_t n = ids.empty() ? std::ssize(own) : std::ssize(ids);
  metrics.count = n;
  if (n == 0) return;
  const auto row_of = [&](int64_t i) {
    return static_cast<size_t>(ids.empty() ? i : int64_t{ids[static_cast<size_t>(i)]});
  };
  metrics.ppr =
      mean_of(n, [&](int64_t i) { return own[row_of(i)].prediction == trip.verdicts[row_of(i)].prediction; });
  metrics.ccr = mean_of(n, [&](int64_t i) {
    return std::abs(double{trip.still_as_probable[row_of(i)]} - double{own[row_of(i)].confidence});
  });
  metrics.mse = mean_of(n, [&](int64_t i) { return double{trip.error[row_of(i)]}; });
  metrics.margin_rank = margin_rank(own, trip.verdicts, ids);
}

void add_fitted(GroupMetrics& metrics, std::span<const Verdict> own, std::span<const Verdict> shown,
                std::span<const float> moved, std::span<const int32_t> ids) {
  const int64_t n = ids.empty() ? std::ssize(own) : std::ssize(ids);
  if (n == 0) return;
  const auto row_of = [&](int64_t i) {
    return static_cast<size_t>(ids.empty() ? i : int64_t{ids[static_cast<size_t>(i)]});
  };
  metrics.ppr_fitted =
      mean_of(n, [&](int64_t i) { return own[row_of(i)].prediction == shown[row_of(i)].prediction; });
  metrics.margin_rank_fitted = margin_rank(own, shown, ids);
  const auto moved_by = [&](int64_t i) { return moved.empty() ? 0.0 : double{moved[row_of(i)]}; };
  metrics.moved_share = mean_of(n, [&](int64_t i) { return moved_by(i) > 0; });
  const double sum = static_cast<double>(n) * mean_of(n, moved_by);
  metrics.moved_mean = *metrics.moved_share > 0 ? sum / (*metrics.moved_share * static_cast<double>(n)) : 0;
}

double keep_boundary(const Landscape& landscape, const Extent& extent, MatrixView boundary_positions) {
  return mean_of(boundary_positions.rows, [&](int64_t i) {
    return landscape.on_boundary(
        landscape.cell_of(extent, boundary_positions(i, 0), boundary_positions(i, 1)));
  });
}

std::optional<double> nn_15_with_self(MatrixView features, MatrixView positions, const GroupInput& train,
                                      const GroupInput& test, int queries) {
  constexpr int others = 14;  // the sample itself is the 15th
  const auto of_test =
      mean_overlap(*test.neighbors, *test.plane_neighbors, others, std::ssize(test.ids), test.owned);
  if (!of_test || train.neighbors->k < others) return std::nullopt;
  const auto rows = draw_subset(static_cast<int64_t>(train.ids.size()), queries, subset_seed);
  std::vector<int32_t> asked;
  for (const int64_t row : rows) asked.push_back(train.ids[static_cast<size_t>(row)]);

  const Neighbors in_train = lists_of(*train.neighbors, rows, std::ssize(train.ids), train.owned);
  const auto in_test = exact_neighbors(
      gather_rows(features, asked), gather_rows(features, test.ids),
      static_cast<int>(std::min<int64_t>(others, static_cast<int64_t>(test.ids.size()))), false);
  const Neighbors near = merged(in_train, with_ids(in_test, test.ids), others);
  const Neighbors plane_near =
      merged(lists_of(*train.plane_neighbors, rows, std::ssize(train.ids), train.owned),
             PlaneIndex(positions, test.ids).nearest(gather_rows(positions, asked), others), others);
  const auto of_train = mean_overlap(near, plane_near, others, std::ssize(asked), false);
  const auto n = static_cast<double>(train.ids.size()), m = static_cast<double>(test.ids.size());
  return 1 + (n * of_train.value_or(0) + m * *of_test) / (n + m);
}

std::vector<uint8_t> neighbors_kept(const Neighbors& a, const Neighbors& b, int k) {
  if (a.size() != b.size() || a.k < k || b.k < k)
    fail(
        "neighbours kept: expected two lists of at least {} neighbours of the same samples, found {} x {} "
        "and {} x {}",
        k, a.size(), a.k, b.size(), b.k);
  std::vector<uint8_t> kept(static_cast<size_t>(a.size()));
  parallel_for(a.size(), 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      kept[static_cast<size_t>(i)] = static_cast<uint8_t>(
          overlap(a.row(i).first(static_cast<size_t>(k)), b.row(i).first(static_cast<size_t>(k))));
  });
  return kept;
}

}  // namespace dvi
