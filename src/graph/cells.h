// Samples grouped into cells, so that whole groups of them can be ruled out by one bound.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/bound_codes.h"
#include "graph/kmeans.h"

namespace dvi {

/// Samples by cell, those of a cell by index.
struct CellOrder {
  Codes codes;
  std::vector<int32_t> id;     ///< [n] row of the features
  std::vector<int64_t> begin;  ///< [cells + 1] first position of each cell
};
CellOrder order_by_cell(MatrixView x, const CodeSpace& space, const Centres& centres);

/// Throws Error if there are none.
void expect_references(MatrixView references);

/// Cells of references and what bounds their distances. Throws Error if there are no references.
struct Cells {
  Cells(MatrixView references, CodeSpace code_space);
  int64_t count() const { return centres.count(); }

  CodeSpace space;
  Centres centres;
  CellOrder order;            ///< of the references
  std::vector<float> radius;  ///< [cells] distance from the centre to the farthest code, in grid steps
  std::vector<float> moved;   ///< [cells] the largest `moved` of its codes, in grid steps
};

/// point [dims] = code i, in grid steps.
void decode(const Codes& codes, int64_t i, float* point);

}  // namespace dvi
