#include "graph/backend/torch/device_neighbors.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

#include "core/error.h"
#include "graph/backend/torch/device.h"

namespace dvi {
namespace {

using at::Tensor;

constexpr int64_t most_queries_a_tile = 4096, tile_values = int64_t{1} << 28;
constexpr int spare_candidates = 16;
constexpr int64_t widest = 256;  // group of columns
constexpr int64_t rows_an_upload = 1 << 14;

/// How many columns to look at together. Of the smallest of each group only the groups' own have to be told
/// apart, and then as many groups' columns: the sum of both is least here.
int64_t group_width(int64_t columns, int64_t kept) {
  const auto best = static_cast<int64_t>(std::sqrt(static_cast<double>(columns / kept)));
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::clamp<int64_t>(best, 1, widest))));
}

/// The `kept` smallest of each row of `tile` [n, columns], in any order: values and columns. A row's smallest
/// lie in the groups of `width` columns whose least values are smallest, and as few have to be sorted out:
/// topk() is slow on long rows.
std::tuple<Tensor, Tensor> smallest(const Tensor& tile, int64_t kept, int64_t width) {
  const auto of = [kept](const Tensor& values) {
    return values.topk(kept, 1, /*largest=*/false, /*sorted=*/false);
  };
  const int64_t n = tile.size(0), groups = tile.size(1) / width;
  if (width == 1 || groups <= kept) return of(tile);
  const Tensor grouped = tile.view({n, groups, width});
  const Tensor group = std::get<1>(of(grouped.amin(2)));
  const auto [value, place] =
      of(grouped.gather(1, group.unsqueeze(2).expand({n, kept, width})).view({n, kept * width}));
  const Tensor chosen = place.div(width, "floor");
  return {value, group.gather(1, chosen) * width + (place - chosen * width)};
}

/// Squared distances [n, kept] of queries to candidates, by differences.
Tensor measured(const Tensor& queries, const Tensor& references, const Tensor& row) {
  const int64_t kept = row.size(1), values = int64_t{1} << 26;
  const int64_t part = std::max<int64_t>(1, values / (kept * queries.size(1)));
  std::vector<Tensor> parts;
  for (int64_t begin = 0; begin < queries.size(0); begin += part) {
    const int64_t n = std::min(part, queries.size(0) - begin);
    const Tensor near = references.index_select(0, row.narrow(0, begin, n).reshape(-1)).view({n, kept, -1});
    parts.push_back((near - queries.narrow(0, begin, n).unsqueeze(1)).square_().sum(2));
  }
  return at::cat(parts, 0);
}

class TorchSearch final : public DeviceSearch {
 public:
  TorchSearch(MatrixView references, at::Device device) : count_(references.rows) {
    const c10::InferenceMode no_gradients;
    at::globalContext().setAllowTF32CuBLAS(false);
    // Whole groups, of whatever width: what is added is infinitely far.
    const int64_t whole = (count_ + widest - 1) / widest * widest;
    all_ = at::zeros({whole, references.cols}, at::TensorOptions(device).dtype(at::kFloat));
    lengths_ = at::full({whole}, infinity, all_.options());
    const Tensor rows = all_.narrow(0, 0, count_);
    for (int64_t begin = 0; begin < count_; begin += rows_an_upload)
      rows.narrow(0, begin, std::min(rows_an_upload, count_ - begin))
          .copy_(upload(references.slice(begin, std::min(rows_an_upload, count_ - begin)), device));
    // About their mean lengths are small, and so is what products lose by rounding.
    mean_ = rows.mean(0, true);
    rows.sub_(mean_);
    for (int64_t begin = 0; begin < count_; begin += rows_an_upload) {
      const int64_t n = std::min(rows_an_upload, count_ - begin);
      lengths_.narrow(0, begin, n).copy_(rows.narrow(0, begin, n).square().sum(1));
    }
    longest_ = lengths_.narrow(0, 0, count_).max().item<double>();
  }

  DeviceNeighbors find(MatrixView queries, int k, bool same) const override {
    return on_device(what, instead, [&](at::Device device) { return found(queries, k, same, device); });
  }

  static constexpr const char *what = "finding neighbours", *instead = "use --device cpu";

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  DeviceNeighbors found(MatrixView queries, int k, bool same, at::Device device) const {
    const int64_t available = count_ - (same ? 1 : 0);
    if (available < k)
      fail("expected more than {} samples to find {} nearest neighbours, found {}; record more samples", k, k,
           count_);
    const int64_t kept = std::min<int64_t>(available, k + spare_candidates);
    const int64_t width = group_width(lengths_.size(0), kept);
    const int64_t queries_a_tile =
        std::clamp<int64_t>(tile_values / lengths_.size(0), 1, most_queries_a_tile);
    const c10::InferenceMode no_gradients;

    DeviceNeighbors out;
    const auto size = static_cast<size_t>(queries.rows * k);
    out.neighbors = {k, std::vector<int32_t>(size), std::vector<float>(size)};
    for (int64_t begin = 0; begin < queries.rows; begin += queries_a_tile) {
      const int64_t n = std::min(queries_a_tile, queries.rows - begin);
      const Tensor asked =
          same ? all_.narrow(0, begin, n) : upload(queries.slice(begin, n), device).sub_(mean_);
      const Tensor tile = at::addmm(lengths_.unsqueeze(0), asked, all_.t(), 1, -2);
      if (same) tile.narrow(1, begin, n).diagonal().fill_(infinity);
      const auto [near, column] = smallest(tile, kept, width);
      // By row, then by distance without changing the order of equal ones: ties go to the smaller row.
      Tensor row = std::get<0>(column.sort(1));
      auto [distance, order] = measured(asked, all_, row).sort(/*stable=*/true, 1, /*descending=*/false);
      row = row.gather(1, order);
      if (kept < available) {
        const Tensor own = asked.square().sum(1), slack = (own + longest_) * 4e-6;
        const Tensor proved = distance.select(1, k - 1) <= near.amax(1) + own - slack;
        const Tensor open = at::nonzero(proved.logical_not()).flatten().to(at::kInt).cpu();
        for (int64_t i = 0; i < open.numel(); ++i)
          out.unproven.push_back(static_cast<int32_t>(begin) + open.data_ptr<int32_t>()[i]);
      }
      const Tensor index = row.narrow(1, 0, k).to(at::kInt).contiguous().cpu(),
                   length = distance.narrow(1, 0, k).sqrt().contiguous().cpu();
      std::copy_n(index.data_ptr<int32_t>(), n * k, out.neighbors.index.begin() + begin * k);
      std::copy_n(length.data_ptr<float>(), n * k, out.neighbors.distance.begin() + begin * k);
    }
    return out;
  }

  int64_t count_;
  Tensor all_, mean_, lengths_;  // about the mean; squared lengths; both with rows added
  double longest_;
};

std::unique_ptr<DeviceSearch> make(MatrixView references) {
  return on_device(TorchSearch::what, TorchSearch::instead, [&](at::Device device) {
    return std::unique_ptr<DeviceSearch>(std::make_unique<TorchSearch>(references, device));
  });
}

const decltype(make_device_search)::Implementation implementation(make_device_search, make);

}  // namespace
}  // namespace dvi
