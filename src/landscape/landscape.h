// The classification landscape: every cell of a grid over the extent is inverse-projected at its centre and
// judged by the head.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/matrix.h"
#include "landscape/extent.h"
#include "subject/subject_model.h"

namespace dvi {

/// size x size cells; row 0 has the smallest y, column 0 the smallest x.
struct Landscape {
  int size = 0;
  std::vector<uint16_t> classes;    ///< predicted class
  std::vector<uint8_t> confidence;  ///< softmax probability of it * 255
  std::vector<uint8_t> margin;      ///< delta-boundary margin m * 255, rounded down

  /// Whether the cell is white: m < landscape_delta (0.15).
  bool on_boundary(int64_t cell) const { return margin[static_cast<size_t>(cell)] < boundary_byte; }
  /// The cell of a point; points outside belong to the nearest cell.
  int64_t cell_of(const Extent&, float x, float y) const;

  static constexpr uint8_t boundary_byte = 39;  ///< m * 255 < 38.25, in whole bytes
};

/// Inverse projection: `points` [n, 2] -> `features` [n, D]. Called by several threads at once with different
/// `worker` in [0, threads()), n <= 512: keep one workspace a worker.
using Decode = std::function<void(MatrixView points, MutMatrixView features, int worker)>;
/// The same with the head behind it: `points` [n, 2] -> `logits` [n, C]. For a linear head the last layer of
/// a decoder and the head are one matrix product; who has both can skip the features.
using DecodeLogits = std::function<void(MatrixView points, MutMatrixView logits, int worker)>;

Landscape paint(const Decode&, SubjectModel&, const Extent&, int size);
Landscape paint(const DecodeLogits&, int64_t class_count, const Extent&, int size);

/// class.npy, confidence.npy and margin.npy in `folder`, which is made; read back as Territory (run/view.h).
void write_landscape(const std::filesystem::path& folder, const Landscape&);

}  // namespace dvi
