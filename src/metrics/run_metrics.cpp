#include "metrics/run_metrics.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/npy.h"
#include "metrics/subset.h"

namespace dvi {
namespace {

constexpr uint64_t subset_seed = 20220222;
constexpr int64_t chunk_bytes = int64_t{128} << 20;

/// Rows of a mapped float32 or float16 array; only their pages are read.
Matrix gather_features(const NpyArray& array, std::span<const int32_t> ids) {
  if (array.dtype() == DType::f32) return gather_rows(array.matrix(), ids);
  array.expect_dtype({DType::f32, DType::f16});
  Matrix out(static_cast<int64_t>(ids.size()), array.row_size());
  const auto* values = reinterpret_cast<const uint16_t*>(array.bytes());
  for (int64_t i = 0; i < out.rows(); ++i)
    for (int64_t d = 0; d < out.cols(); ++d)
      out(i, d) = half_to_float(values[ids[static_cast<size_t>(i)] * out.cols() + d]);
  return out;
}

/// The arrays of one fitted epoch, mapped.
struct Source {
  NpyArray features;
  std::shared_ptr<const ViewEpoch> view;
};

std::vector<Source> open_sources(const Run& run, const View& view) {
  std::vector<Source> sources;
  for (const int number : view.epoch_numbers()) {
    auto features = NpyArray::open(run.epoch(number).folder() / "features.npy");
    features.expect_shape({run.manifest().sample_count(), run.manifest().feature_dim});
    sources.push_back({std::move(features), view.epoch(number)});
  }
  return sources;
}

TemporalMetrics measure(std::span<const Source> sources, const std::vector<int32_t>& ids, int64_t dim) {
  TemporalSums sums;
  const auto chunk = static_cast<size_t>(std::max<int64_t>(
      16, chunk_bytes / (4 * dim * std::max<int64_t>(1, static_cast<int64_t>(sources.size())))));
  for (size_t begin = 0; begin < ids.size(); begin += chunk) {
    const auto part = std::span(ids).subspan(begin, std::min(chunk, ids.size() - begin));
    const auto n = static_cast<int64_t>(part.size());
    std::vector<Matrix> features, positions;
    std::vector<std::vector<int32_t>> neighbors;
    std::vector<TemporalEpoch> epochs;
    const int64_t k = sources.front().view->neighbor_count();
    for (const auto& source : sources) {
      const ViewEpoch& epoch = *source.view;
      if (epoch.neighbor_count() != k)
        fail("{}: expected {} neighbours as at the first epoch, found {}; fit the view again",
             (epoch.folder() / "neighbors.npy").string(), k, epoch.neighbor_count());
      features.push_back(gather_features(source.features, part));
      positions.push_back(gather_rows({epoch.positions().data(), source.features.rows(), 2}, part));
      auto& lists = neighbors.emplace_back();
      for (const int32_t id : part) {
        const auto list = epoch.neighbors().subspan(static_cast<size_t>(id * k), static_cast<size_t>(k));
        lists.insert(lists.end(), list.begin(), list.end());
      }
    }
    for (size_t e = 0; e < sources.size(); ++e)
      epochs.push_back({features[e].view().slice(0, n), positions[e].view().slice(0, n), neighbors[e]});
    sums.add(epochs, static_cast<int>(k));
  }
  return sums.metrics();
}

std::vector<int32_t> drawn(std::vector<int32_t> ids, int64_t count) {
  std::vector<int32_t> out;
  for (const int64_t i : draw_subset(static_cast<int64_t>(ids.size()), count, subset_seed))
    out.push_back(ids[static_cast<size_t>(i)]);
  return out;
}

}  // namespace

RunMetrics run_metrics(const Run& run, const View& view, int64_t samples) {
  const auto sources = open_sources(run, view);
  if (sources.size() < 3) return {};
  const auto& manifest = run.manifest();
  auto train = manifest.ids_of_role("train");
  if (train.empty()) {  // then views are fitted on all samples
    train.resize(static_cast<size_t>(manifest.sample_count()));
    std::iota(train.begin(), train.end(), 0);
  }
  return {measure(sources, drawn(std::move(train), samples), manifest.feature_dim),
          measure(sources, drawn(manifest.ids_of_role("test"), samples), manifest.feature_dim)};
}

Json to_json(const RunMetrics& metrics) {
  const Json train = to_json(metrics.train);
  Json json = {{"train", train}, {"test", to_json(metrics.test)}};
  for (const char* key : {"temporal_pearson", "tlr", "tnn_3"})
    if (train.contains(key)) json[key] = train[key];
  return json;
}

}  // namespace dvi
