#include "vis/feature_grid.h"

#include <algorithm>

#include "core/multiversion.h"

namespace dvi {
namespace {

struct Level {
  int size;
  float x0, y0, cells;  // of the box, cells per unit of the plane
};

/// The lower left node of the cell that a point lies in, and the weights of the cell's four nodes.
inline void locate(const Level& level, float x, float y, int64_t* node, float* weight) {
  const auto top = static_cast<float>(level.size);
  const float u = std::min(std::max((x - level.x0) * level.cells, 0.f), top);
  const float v = std::min(std::max((y - level.y0) * level.cells, 0.f), top);
  const int column = std::min(static_cast<int>(u), level.size - 1);
  const int row = std::min(static_cast<int>(v), level.size - 1);
  const float s = u - static_cast<float>(column), t = v - static_cast<float>(row);
  *node = static_cast<int64_t>(row) * (level.size + 1) + column;
  weight[0] = (1 - s) * (1 - t);
  weight[1] = s * (1 - t);
  weight[2] = (1 - s) * t;
  weight[3] = s * t;
}

DVI_MULTIVERSION
void encode_level(const Level& level, const float* __restrict points, int64_t n, const float* __restrict grid,
                  float* __restrict out, int64_t stride) {
  constexpr int channels = FeatureGrid::channels;
  const int64_t row = static_cast<int64_t>(level.size + 1) * channels;
  for (int64_t i = 0; i < n; ++i) {
    int64_t node;
    float w[4];
    locate(level, points[2 * i], points[2 * i + 1], &node, w);
    const float* below = grid + node * channels;
    const float* above = below + row;
    float* to = out + i * stride;
    for (int c = 0; c < channels; ++c)
      to[c] = w[0] * below[c] + w[1] * below[channels + c] + w[2] * above[c] + w[3] * above[channels + c];
  }
}

DVI_MULTIVERSION
void backward_level(const Level& level, const float* __restrict points, int64_t n,
                    const float* __restrict by_encoding, int64_t stride, float* __restrict gradient) {
  constexpr int channels = FeatureGrid::channels;
  const int64_t row = static_cast<int64_t>(level.size + 1) * channels;
  for (int64_t i = 0; i < n; ++i) {
    int64_t node;
    float w[4];
    locate(level, points[2 * i], points[2 * i + 1], &node, w);
    float* below = gradient + node * channels;
    float* above = below + row;
    const float* from = by_encoding + i * stride;
    for (int c = 0; c < channels; ++c) {
      below[c] += w[0] * from[c];
      below[channels + c] += w[1] * from[c];
      above[c] += w[2] * from[c];
      above[channels + c] += w[3] * from[c];
    }
  }
}

}  // namespace

FeatureGrid::FeatureGrid(std::vector<int> sizes, Box box) : sizes_(std::move(sizes)), box_(box) {
  offsets_.push_back(0);
  for (const int size : sizes_)
    offsets_.push_back(offsets_.back() +
                       static_cast<size_t>(size + 1) * static_cast<size_t>(size + 1) * channels);
  parameters_.assign(offsets_.back(), 0.f);
}

std::span<float> FeatureGrid::level(size_t index) {
  return parameters().subspan(offsets_[index], offsets_[index + 1] - offsets_[index]);
}

void FeatureGrid::encode(MatrixView points, MutMatrixView out) const {
  for (size_t l = 0; l < sizes_.size(); ++l)
    encode_level({sizes_[l], box_.x0, box_.y0, static_cast<float>(sizes_[l]) / box_.side}, points.data,
                 points.rows, parameters_.data() + offsets_[l], out.data + l * channels, out.cols);
}

void FeatureGrid::backward(MatrixView points, MatrixView by_encoding, std::span<float> gradient) const {
  for (size_t l = 0; l < sizes_.size(); ++l)
    backward_level({sizes_[l], box_.x0, box_.y0, static_cast<float>(sizes_[l]) / box_.side}, points.data,
                   points.rows, by_encoding.data + l * channels, by_encoding.cols,
                   gradient.data() + offsets_[l]);
}

}  // namespace dvi
