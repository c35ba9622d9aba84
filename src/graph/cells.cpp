#include "graph/cells.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/parallel.h"

namespace dvi {
namespace {

constexpr int64_t cell_size = 256, most_cells = 8192;
constexpr int64_t block = 256, chunk = 1024;  // rows that a thread takes at once

}  // namespace

void decode(const Codes& codes, int64_t i, float* point) {
  const int8_t* code = &codes.code[i * codes.dims];
  for (int64_t l = 0; l < codes.dims; ++l) point[l] = static_cast<float>(code[l]);
}

CellOrder order_by_cell(MatrixView x, const CodeSpace& space, const Centres& centres) {
  CellOrder out;
  const int64_t n = x.rows;
  std::vector<int32_t> cell(n);
  Codes unordered;
  unordered.resize(n, space.dims());
  shared_for(n, block,
             [&](int64_t begin, int64_t end, int) {
               const Matrix points = space.points(x.slice(begin, end - begin));
               Matrix squared;
               centres.nearest(points, squared, &cell[begin]);
               for (int64_t i = begin; i < end; ++i) space.encode(points.row(i - begin), i, unordered);
             },
             {shared_rows(cell), shared_rows(unordered.code, space.dims()), shared_rows(unordered.norm, 1),
              shared_rows(unordered.offset), shared_rows(unordered.moved)});
  out.begin.assign(static_cast<size_t>(centres.count()) + 1, 0);
  for (const int32_t c : cell) ++out.begin[static_cast<size_t>(c) + 1];
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.id.resize(n);
  auto next = out.begin;
  for (int64_t i = 0; i < n; ++i) out.id[next[cell[i]]++] = static_cast<int32_t>(i);
  out.codes.resize(n, space.dims());
  parallel_for(n, chunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto to = static_cast<size_t>(i), from = static_cast<size_t>(out.id[to]);
      std::copy_n(&unordered.code[from * static_cast<size_t>(space.dims())], space.dims(),
                  &out.codes.code[to * static_cast<size_t>(space.dims())]);
      out.codes.norm[to] = unordered.norm[from];
      out.codes.offset[to] = unordered.offset[from];
      out.codes.moved[to] = unordered.moved[from];
    }
  });
  return out;
}

void expect_references(MatrixView references) {
  if (references.rows == 0)
    fail("expected at least one sample to find neighbours among, found none; record more samples");
}

Cells::Cells(MatrixView references, CodeSpace code_space) : space(std::move(code_space)) {
  const int64_t n = references.rows;
  expect_references(references);
  const int64_t cells = std::clamp<int64_t>(n / cell_size, 1, most_cells);
  const int64_t sampled = std::min(n, cells * 64);
  std::vector<int32_t> ids(sampled);
  for (int64_t i = 0; i < sampled; ++i) ids[i] = static_cast<int32_t>(i * n / sampled);
  Matrix sample(sampled, space.dims());
  shared_for(sampled, block,
             [&](int64_t begin, int64_t end, int) {
               const Matrix points =
                   space.points(gather_rows(references, std::span(ids).subspan(begin, end - begin)));
               std::copy_n(points.data(), points.rows() * points.cols(), sample.row(begin));
             },
             {shared_rows(sample.mut())});
  centres = Centres(sample, cells);
  order = order_by_cell(references, space, centres);

  radius.assign(cells, 0.f);
  moved.assign(cells, 0.f);
  parallel_for(cells, 16, [&](int64_t begin, int64_t end, int) {
    std::vector<float> point(space.dims());
    for (int64_t c = begin; c < end; ++c) {
      auto &farthest = radius[c], &most = moved[c];
      for (int64_t p = order.begin[c]; p < order.begin[static_cast<size_t>(c) + 1]; ++p) {
        decode(order.codes, p, point.data());
        farthest = std::max(farthest, squared_distance(point.data(), centres.point(c), space.dims()));
        most = std::max(most, order.codes.moved[p]);
      }
      farthest = std::sqrt(farthest) * 1.0001f + 0.01f;
    }
  });
}

}  // namespace dvi
