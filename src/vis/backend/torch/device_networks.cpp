#include "vis/backend/torch/device_networks.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "graph/backend/torch/device.h"
#include "vis/backend/torch/grid_places.h"

namespace dvi {
namespace {

using at::Tensor;

/// Calls work(begin, rows) for parts of n rows of so many columns, half a GB at most, with float32 products.
template <typename Work>
void in_parts(int64_t n, int64_t columns, const Work& work) {
  const int64_t rows_a_part = std::clamp<int64_t>((int64_t{1} << 27) / columns, 256, 1 << 16);
  const c10::InferenceMode no_gradients;
  at::globalContext().setAllowTF32CuBLAS(false);
  for (int64_t begin = 0; begin < n; begin += rows_a_part) work(begin, std::min(rows_a_part, n - begin));
}

void download(const Tensor& from, float* to) {
  const Tensor host = from.cpu().contiguous();
  std::copy_n(host.data_ptr<float>(), host.numel(), to);
}

class DeviceMlp {
 public:
  DeviceMlp(const Mlp& mlp, at::Device device) {
    for (int l = 0; l < mlp.layers(); ++l)
      layers_.push_back({upload(mlp.weight(l), device).t(),
                         upload(mlp.bias(l).data(), {mlp.weight(l).rows}, at::kFloat, device)});
  }
  Tensor operator()(Tensor x) const {
    for (const Layer& layer : layers_) {
      x = at::addmm(layer.bias, x, layer.weight);
      if (&layer != &layers_.back()) x.relu_();
    }
    return x;
  }

 private:
  struct Layer {
    Tensor weight, bias;
  };
  std::vector<Layer> layers_;
};

class DeviceGrid {
 public:
  DeviceGrid(const FeatureGrid& grid, at::Device device) : grid_(grid) {
    int64_t begin = 0;
    for (const int size : grid.sizes()) {
      const int64_t nodes = int64_t{size + 1} * (size + 1);
      values_.push_back(
          upload(grid.parameters().data() + begin, {nodes, FeatureGrid::channels}, at::kFloat, device));
      begin += nodes * FeatureGrid::channels;
    }
  }
  Tensor operator()(const Tensor& points) const {
    std::vector<Tensor> levels;
    for (size_t l = 0; l < values_.size(); ++l) {
      const GridPlaces at = grid_places(points, grid_.box(), grid_.sizes()[l]);
      levels.push_back(at.interpolated(values_[l]));
    }
    return at::cat(levels, 1);
  }

 private:
  const FeatureGrid& grid_;
  std::vector<Tensor> values_;  // of each level
};

void encode(const PlaneEncoder& encoder, MatrixView features, MutMatrixView out) {
  on_device("the projection", "use --device cpu", [&](at::Device device) {
    const DeviceMlp network(encoder.network, device);
    Tensor landmarks;
    if (encoder.has_landmarks()) landmarks = upload(encoder.landmarks, device);
    in_parts(features.rows, features.cols, [&](int64_t begin, int64_t n) {
      const Tensor said = network(upload(features.slice(begin, n), device));
      download(landmarks.defined() ? said.softmax(1).mm(landmarks) : said, out.row(begin));
    });
  });
}

void decode(const PlaneDecoder& decoder, const LinearHead& head, MatrixView points, MatrixView features,
            MutMatrixView logits, std::span<float> errors) {
  on_device("the inverse projection", "use --device cpu", [&](at::Device device) {
    const DeviceMlp network(decoder.network, device);
    const DeviceGrid grid(decoder.grid, device);
    const Tensor weight = upload(head.weight, device).t(),
                 bias = upload(head.bias.data(), {head.weight.rows()}, at::kFloat, device);
    in_parts(points.rows, features.cols, [&](int64_t begin, int64_t n) {
      const Tensor at = upload(points.slice(begin, n), device);
      const Tensor decoded = network(decoder.has_grid() ? grid(at) : at);
      download(at::addmm(bias, decoded, weight), logits.row(begin));
      download(upload(features.slice(begin, n), device).sub_(decoded).square_().mean(1),
               errors.data() + begin);
    });
  });
}

const decltype(encode_on_device)::Implementation encode_implementation(encode_on_device, encode);
const decltype(decode_on_device)::Implementation decode_implementation(decode_on_device, decode);

}  // namespace
}  // namespace dvi
