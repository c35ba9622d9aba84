// The landscape of a visualization model: its decoder with the subject model's head behind it.
#pragma once

#include "landscape/landscape.h"
#include "vis/mlp.h"

namespace dvi {

/// Paints what `decoder` (2 -> D) makes of every cell. The decoder's last layer has no nonlinearity, so with
/// a linear head the two are one matrix of C rows, and the D features of a cell are never made: a third of
/// the work is saved.
Landscape paint(const Mlp& decoder, SubjectModel&, const Extent&, int size);

}  // namespace dvi
