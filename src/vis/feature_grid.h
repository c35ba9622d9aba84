// Trainable feature grids over the plane, in several resolutions: the multiresolution encoding of Müller et
// al. (Instant Neural Graphics Primitives, SIGGRAPH 2022, section 3) in two dimensions, where a dense array
// for each resolution is small enough that nothing has to be hashed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"

namespace dvi {

/// A level of size s divides the square box into s x s cells. Its (s + 1)^2 nodes carry `channels` numbers
/// each, interpolated bilinearly in between. The encoding of a point is what all levels have there, one level
/// behind the other. A point outside the box has the encoding of the nearest point of the box.
class FeatureGrid {
 public:
  static constexpr int channels = 8;
  struct Box {
    float x0 = 0, y0 = 0, side = 1;
  };

  FeatureGrid() = default;
  /// All parameters are zero.
  FeatureGrid(std::vector<int> sizes, Box box);

  const std::vector<int>& sizes() const { return sizes_; }
  const Box& box() const { return box_; }
  int64_t width() const { return static_cast<int64_t>(sizes_.size()) * channels; }
  /// Level by level, row by row from the smallest y, node by node, channel by channel.
  std::span<float> parameters() { return parameters_; }
  std::span<const float> parameters() const { return parameters_; }
  /// The part of parameters() that belongs to a level.
  std::span<float> level(size_t index);

  /// `points` [n, 2] -> `out` [n, width()]. In the calling thread.
  void encode(MatrixView points, MutMatrixView out) const;
  /// Adds the gradient by the parameters to `gradient` (sized as parameters()). `by_encoding` [n, width()] is
  /// the gradient by the encoding of `points`. In the calling thread.
  void backward(MatrixView points, MatrixView by_encoding, std::span<float> gradient) const;

 private:
  std::vector<int> sizes_;
  std::vector<size_t> offsets_;  // of each level in parameters_, and their end
  Box box_;
  std::vector<float> parameters_;
};

}  // namespace dvi
