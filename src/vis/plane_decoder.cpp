#include "vis/plane_decoder.h"

#include <algorithm>

#include "core/parallel.h"
#include "vis/backend/torch/device_networks.h"

namespace dvi {

constinit PluginFunction<void(const PlaneDecoder&, const LinearHead&, MatrixView, MatrixView, MutMatrixView,
                              std::span<float>)>
    decode_on_device("lead back from the plane on a graphics processor");

MatrixView PlaneDecoder::network_input(MatrixView points, Trace& trace) const {
  if (!has_grid()) return points;
  if (trace.encoding.rows() < points.rows) trace.encoding = Matrix(points.rows, grid.width());
  const MutMatrixView encoding = trace.encoding.mut().slice(0, points.rows);
  grid.encode(points, encoding);
  return encoding;
}

void PlaneDecoder::apply(MatrixView points, MutMatrixView out) const {
  constexpr int64_t block = 512;
  std::vector<Trace> traces(static_cast<size_t>(threads()));
  parallel_for(points.rows, block, [&](int64_t begin, int64_t end, int worker) {
    const auto decoded =
        forward(points.slice(begin, end - begin), traces[static_cast<size_t>(worker)], best_precision());
    std::copy_n(decoded.data, decoded.rows * decoded.cols, out.row(begin));
  });
}

}  // namespace dvi
