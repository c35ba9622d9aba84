#include "run/feature_scale.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/parallel.h"

namespace dvi {
namespace {

/// The scales of the epochs that were asked for, by their files.
class KnownScales {
 public:
  std::optional<float> of(const Epoch& epoch) {
    const auto file = state_of(epoch);
    const std::lock_guard lock(mutex_);
    const auto at = scales_.find(file.path);
    return at != scales_.end() && at->second.state == file.state ? std::optional(at->second.scale)
                                                                 : std::nullopt;
  }
  void put(const Epoch& epoch, float scale) {
    const auto file = state_of(epoch);
    const std::lock_guard lock(mutex_);
    scales_[file.path] = {file.state, scale};
  }

 private:
  using State = std::pair<std::filesystem::file_time_type, uintmax_t>;
  struct File {
    std::string path;
    State state;
  };
  struct Known {
    State state;
    float scale = 1;
  };
  static File state_of(const Epoch& epoch) {
    const auto path = epoch.folder() / "features.npy";
    std::error_code missing;  // who reads the file says so
    return {path.string(),
            {std::filesystem::last_write_time(path, missing), std::filesystem::file_size(path, missing)}};
  }

  std::mutex mutex_;
  std::map<std::string, Known> scales_;
};

KnownScales& scales() {
  static KnownScales known;
  return known;
}

}  // namespace

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
  if (const auto known = scales().of(epoch)) return *known;
  const NpyArray array = NpyArray::open(epoch.folder() / "features.npy");
  array.expect_dtype({DType::f32, DType::f16});
  const float scale =
      array.dtype() == DType::f32 ? workable_scale(array.matrix()) : workable_scale(array.to_matrix().view());
  scales().put(epoch, scale);
  return scale;
}

void remember_feature_scale(const Epoch& epoch, float scale) { scales().put(epoch, scale); }

RecordedRows features_times(const Epoch& epoch, float scale) {
  const float own = feature_scale(epoch);
  if (scale == own) return epoch.mapped_features();
  Matrix features = epoch.features();
  scale_by(features, scale / own);
  return features;
}

}  // namespace dvi
