#include "vis/plane_encoder.h"

#include <vector>

#include "comm/comm.h"
#include "core/device.h"
#include "core/parallel.h"
#include "linalg/softmax.h"
#include "vis/backend/torch/device_networks.h"

namespace dvi {

constinit PluginFunction<void(const PlaneEncoder&, MatrixView, MutMatrixView)> encode_on_device(
    "project on a graphics processor");

void PlaneEncoder::apply(MatrixView features, MutMatrixView out) const {
  constexpr int64_t worth_an_upload = 1 << 14;
  if (features.rows >= worth_an_upload && one_process_with_cuda() &&
      tried_on_device([&] { encode_on_device(*this, features, out); }))
    return;
  if (!has_landmarks()) {
    network.apply(features, out);
    return;
  }
  constexpr int64_t block = 256;
  std::vector<Mlp::Trace> traces(static_cast<size_t>(threads()));
  parallel_for(features.rows, block, [&](int64_t begin, int64_t end, int worker) {
    const auto shares = network.forward(features.slice(begin, end - begin),
                                        traces[static_cast<size_t>(worker)], best_precision());
    for (int64_t i = 0; i < shares.rows; ++i) {
      softmax({shares.row(i), static_cast<size_t>(shares.cols)});
      float x = 0, y = 0;
      for (int64_t k = 0; k < shares.cols; ++k) {
        x += shares(i, k) * landmarks(k, 0);
        y += shares(i, k) * landmarks(k, 1);
      }
      out(begin + i, 0) = x;
      out(begin + i, 1) = y;
    }
  });
}

}  // namespace dvi
