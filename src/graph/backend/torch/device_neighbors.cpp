#include "graph/backend/torch/device_neighbors.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "graph/backend/torch/device.h"

namespace dvi {
namespace {

using at::Tensor;

constexpr int64_t queries_a_tile = 4096, references_a_tile = 16384;
constexpr int spare_candidates = 16;

/// The nearest so far of each query: squared distances less the query's squared length, and rows.
struct Nearest {
  Tensor distance, row;  // [n, kept]

  void add(const Tensor& tile, int64_t first_row, int64_t kept) {
    auto [near, column] = tile.topk(std::min(kept, tile.size(1)), 1, /*largest=*/false, /*sorted=*/false);
    column = column + first_row;
    if (!distance.defined()) {
      distance = near;
      row = column;
      return;
    }
    const Tensor all = at::cat({distance, near}, 1), rows = at::cat({row, column}, 1);
    Tensor chosen;
    std::tie(distance, chosen) =
        all.topk(std::min(kept, all.size(1)), 1, /*largest=*/false, /*sorted=*/false);
    row = rows.gather(1, chosen);
  }
};

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

DeviceNeighbors search(MatrixView queries, MatrixView references, int k, bool same, at::Device device) {
  const int64_t available = references.rows - (same ? 1 : 0);
  if (available < k)
    fail("expected more than {} samples to find {} nearest neighbours, found {}; record more samples", k, k,
         references.rows);
  const int64_t kept = std::min<int64_t>(available, k + spare_candidates);
  const c10::InferenceMode no_gradients;
  at::globalContext().setAllowTF32CuBLAS(false);
  // About their mean lengths are small, and so is what products lose by rounding.
  Tensor all = upload(references, device);
  const Tensor mean = all.mean(0, true);
  all = all - mean;
  const Tensor lengths = all.square().sum(1);
  const double longest = lengths.max().item<double>();

  DeviceNeighbors out;
  const auto size = static_cast<size_t>(queries.rows * k);
  out.neighbors = {k, std::vector<int32_t>(size), std::vector<float>(size)};
  for (int64_t begin = 0; begin < queries.rows; begin += queries_a_tile) {
    const int64_t n = std::min(queries_a_tile, queries.rows - begin);
    const Tensor asked = same ? all.narrow(0, begin, n) : upload(queries.slice(begin, n), device) - mean;
    Nearest nearest;
    for (int64_t first = 0; first < references.rows; first += references_a_tile) {
      const int64_t width = std::min(references_a_tile, references.rows - first);
      Tensor tile = at::addmm(lengths.narrow(0, first, width).unsqueeze(0), asked,
                              all.narrow(0, first, width).t(), 1, -2);
      const int64_t low = std::max(begin, first), high = std::min(begin + n, first + width);
      if (same && low < high)
        tile.narrow(0, low - begin, high - low)
            .narrow(1, low - first, high - low)
            .diagonal()
            .fill_(std::numeric_limits<float>::infinity());
      nearest.add(tile, first, kept);
    }
    // By row, then by distance without changing the order of equal ones: ties go to the smaller row.
    Tensor row = std::get<0>(nearest.row.sort(1));
    auto [distance, order] = measured(asked, all, row).sort(/*stable=*/true, 1, /*descending=*/false);
    row = row.gather(1, order);
    if (kept < available) {
      const Tensor own = asked.square().sum(1), slack = (own + longest) * 4e-6;
      const Tensor proved = distance.select(1, k - 1) <= nearest.distance.amax(1) + own - slack;
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

DeviceNeighbors find(MatrixView queries, MatrixView references, int k, bool same) {
  return on_device("finding neighbours", "use --device cpu",
                   [&](at::Device device) { return search(queries, references, k, same, device); });
}

const decltype(find_device_neighbors)::Implementation implementation(find_device_neighbors, find);

}  // namespace
}  // namespace dvi
