#include "run/feature_scale.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace dvi {

float workable_scale(MatrixView features) {
  constexpr int usual = 16, most = 40;
  std::vector<float> greatest(static_cast<size_t>(features.rows));
  parallel_for(features.rows, 1024, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float top = 0;
      for (int64_t j = 0; j < features.cols; ++j) top = std::max(top, std::abs(features.row(i)[j]));
      greatest[static_cast<size_t>(i)] = top;
    }
  });
  const float top = *std::max_element(greatest.begin(), greatest.end());
  if (!(top > 0) || !std::isfinite(top) || std::abs(std::ilogb(top)) <= usual) return 1;
  double sum = 0;
  int64_t count = 0;
  for (const float g : greatest)
    if (g > 0) {
      sum += std::log2(double(g));
      ++count;
    }
  const int exponent = std::clamp(
      std::max(static_cast<int>(std::lround(sum / double(count))), std::ilogb(top) - most), -126, 127);
  return static_cast<float>(std::ldexp(1.0, -exponent));
}

void scale_by(Matrix& m, float factor) {
  if (factor == 1) return;
  for (int64_t i = 0; i < m.rows() * m.cols(); ++i) m.data()[i] *= factor;
}

float feature_scale(const Epoch& epoch) {
  const NpyArray array = NpyArray::open(epoch.folder() / "features.npy");
  array.expect_dtype({DType::f32, DType::f16});
  return array.dtype() == DType::f32 ? workable_scale(array.matrix())
                                     : workable_scale(array.to_matrix().view());
}

FeatureRows features_times(const Epoch& epoch, float scale) {
  const float own = feature_scale(epoch);
  if (scale == own) return epoch.mapped_features();
  Matrix features = epoch.features();
  scale_by(features, scale / own);
  return features;
}

}  // namespace dvi
