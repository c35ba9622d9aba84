#include "landscape/landscape.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/npy.h"
#include "core/parallel.h"
#include "landscape/verdict_rows.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int64_t block = 512;              // cells a callback gets: their features stay in L2
constexpr int64_t head_batch = 32 * block;  // cells a head that is no matrix gets at once

Landscape empty_landscape(int size, int64_t class_count) {
  if (size < 1) fail("landscape: expected a size of at least 1, found {}", size);
  if (class_count > 65536) fail("landscape: expected at most 65536 classes, found {}", class_count);
  const auto cells = static_cast<size_t>(size) * static_cast<size_t>(size);
  return {size, std::vector<uint16_t>(cells), std::vector<uint8_t>(cells), std::vector<uint8_t>(cells)};
}

/// Centres of cells [begin, begin + points.rows).
void cell_centres(const Extent& extent, int size, int64_t begin, MutMatrixView points) {
  const float dx = extent.width() / static_cast<float>(size), dy = extent.height() / static_cast<float>(size);
  for (int64_t i = 0; i < points.rows; ++i) {
    const int64_t cell = begin + i;
    points(i, 0) = extent.x0 + (static_cast<float>(cell % size) + 0.5f) * dx;
    points(i, 1) = extent.y0 + (static_cast<float>(cell / size) + 0.5f) * dy;
  }
}

/// What one thread needs for one block.
struct Workspace {
  Matrix points = Matrix(block, 2), features, logits;
  std::vector<float> scratch;
};

std::vector<Workspace> workspaces(int64_t feature_dim, int64_t class_count) {
  std::vector<Workspace> all(static_cast<size_t>(threads()));
  for (auto& w : all) {
    w.features = Matrix(feature_dim > 0 ? block : 0, feature_dim);
    w.logits = Matrix(block, class_count);
    w.scratch.resize(static_cast<size_t>(128 * class_count));
  }
  return all;
}

void judge_block(Landscape& landscape, MatrixView logits, int64_t begin, std::vector<float>& scratch) {
  judge_rows(logits, scratch.data(), &landscape.classes[static_cast<size_t>(begin)],
             &landscape.confidence[static_cast<size_t>(begin)],
             &landscape.margin[static_cast<size_t>(begin)]);
}

/// A head that is a function of its own: it wants large batches, from one thread.
Landscape paint_by_batches(const Decode& decode, SubjectModel& subject, const Extent& extent, int size) {
  auto landscape = empty_landscape(size, subject.class_count());
  auto spaces = workspaces(0, subject.class_count());
  const int64_t cells = int64_t{size} * size;
  Matrix features(std::min(head_batch, cells), subject.feature_dim());
  Matrix logits(features.rows(), subject.class_count());
  for (int64_t batch = 0; batch < cells; batch += head_batch) {
    const int64_t n = std::min(head_batch, cells - batch);
    parallel_for(n, block, [&](int64_t begin, int64_t end, int worker) {
      const auto points = spaces[static_cast<size_t>(worker)].points.mut().slice(0, end - begin);
      cell_centres(extent, size, batch + begin, points);
      decode(points, features.mut().slice(begin, end - begin), worker);
    });
    subject.head(features.view().slice(0, n), logits.mut().slice(0, n));
    parallel_for(n, block, [&](int64_t begin, int64_t end, int worker) {
      judge_block(landscape, logits.view().slice(begin, end - begin), batch + begin,
                  spaces[static_cast<size_t>(worker)].scratch);
    });
  }
  return landscape;
}

}  // namespace

int64_t Landscape::cell_of(const Extent& extent, float x, float y) const {
  const auto index = [this](float at, float low, float width) {
    const float share = width > 0 ? (at - low) / width : 0;
    return static_cast<int64_t>(
        std::clamp(std::floor(share * static_cast<float>(size)), 0.f, static_cast<float>(size - 1)));
  };
  return index(y, extent.y0, extent.height()) * size + index(x, extent.x0, extent.width());
}

Landscape paint(const DecodeLogits& decode, int64_t class_count, const Extent& extent, int size) {
  auto landscape = empty_landscape(size, class_count);
  auto spaces = workspaces(0, class_count);
  parallel_for(int64_t{size} * size, block, [&](int64_t begin, int64_t end, int worker) {
    auto& w = spaces[static_cast<size_t>(worker)];
    const auto points = w.points.mut().slice(0, end - begin);
    const auto logits = w.logits.mut().slice(0, end - begin);
    cell_centres(extent, size, begin, points);
    decode(points, logits, worker);
    judge_block(landscape, logits, begin, w.scratch);
  });
  return landscape;
}

Landscape paint(const Decode& decode, SubjectModel& subject, const Extent& extent, int size) {
  const LinearHead* head = subject.linear_head();
  if (!head) return paint_by_batches(decode, subject, extent, size);
  auto spaces = workspaces(subject.feature_dim(), 0);
  return paint(
      [&](MatrixView points, MutMatrixView logits, int worker) {
        const auto features = spaces[static_cast<size_t>(worker)].features.mut().slice(0, points.rows);
        decode(points, features, worker);
        linear(features, head->weight, head->bias, logits);
      },
      subject.class_count(), extent, size);
}

void write_landscape(const std::filesystem::path& folder, const Landscape& landscape) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    fail("{}: the folder cannot be made: {}; check its permissions", folder.string(), error.message());
  const int64_t shape[] = {landscape.size, landscape.size};
  write_npy(folder / "class.npy", shape, std::span<const uint16_t>(landscape.classes));
  write_npy(folder / "confidence.npy", shape, std::span<const uint8_t>(landscape.confidence));
  write_npy(folder / "margin.npy", shape, std::span<const uint8_t>(landscape.margin));
}

}  // namespace dvi
