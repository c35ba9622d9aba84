// Recorded inputs as the subject model sees them.
#pragma once

#include <span>
#include <vector>

#include "run/run.h"

namespace dvi {

/// Reads recorded inputs as float32 batches: images as NCHW, everything else in its stored shape, after
/// scale, mean and std.
class InputReader {
 public:
  /// Throws Error if the run has no inputs.npy or its shape does not fit run.json.
  explicit InputReader(const Run& run);
  /// Reads inputs as they were at `epoch` where a group's inputs change every epoch.
  InputReader(const Run& run, const Epoch& epoch);

  /// Shape of one sample as the model sees it, e.g. {1, 28, 28}.
  const std::vector<int64_t>& sample_shape() const { return shape_; }
  int64_t sample_size() const { return size_; }
  int64_t sample_count() const { return sources_.front().count; }
  /// "image", "text" or "row", and how recorded inputs are stored: dtype, and shape of one sample.
  const InputSpec& spec() const { return spec_; }
  DType stored_dtype() const { return sources_.front().array.dtype(); }
  std::vector<int64_t> stored_shape() const;
  /// An input that was not recorded, `stored` [sample_size()] numbers as stored_shape() and stored_dtype()
  /// hold them, becomes what the model sees: `out` [sample_size()].
  void prepare(std::span<const float> stored, float* out) const { prepare(stored, stored_dtype(), out); }
  /// Writes sample_size() floats.
  void read(int64_t sample, float* out) const;
  /// [ids, sample_size()].
  Matrix gather(std::span<const int32_t> ids) const;

  /// An image as 8-bit pixels, HxWxchannels (1, 3 or 4), for showing; float inputs are stretched over their
  /// sample's range.
  struct Pixels {
    int64_t height = 0, width = 0, channels = 0;
    std::vector<uint8_t> values;
  };
  /// Throws Error if the inputs are no images.
  Pixels pixels(int64_t sample) const;
  /// Of an input that was not recorded, `stored` [sample_size()] as for prepare().
  Pixels pixels(std::span<const float> stored) const { return pixels(stored, stored_dtype()); }

 private:
  struct Source {
    NpyArray array;
    int64_t begin, count;
  };
  void prepare(std::span<const float> stored, DType dtype, float* out) const;
  Pixels pixels(std::span<const float> stored, DType dtype) const;
  /// The numbers of a sample as its source holds them, [sample_size()].
  std::vector<float> stored(const Source& source, int64_t sample) const;
  const Source& source_of(int64_t sample) const;
  void add_epoch_sources(const Run&, const Epoch&);
  std::vector<Source> sources_;  // later ones win
  InputSpec spec_;
  std::vector<int64_t> shape_;
  int64_t size_ = 0;
};

}  // namespace dvi
