// Where a sample belongs that no layout knows: among the places of the train samples that are nearest to it
// in feature space.
//
// A layout does not keep all neighbours of a sample together, so their mean lies between groups, where
// nothing is. The place taken is the one that a layout would find for a point that is attracted by them and
// by nothing else: the minimum of
//
//   sum over neighbours j of w_j log(1 + |y - y_j|^2 / h^2)
//
// which is t-SNE's attraction (van der Maaten & Hinton, JMLR 2008) with the fixed width h. It has many
// minima; the search starts at the best of the neighbours' own places and goes on by the iteration for
// M-estimators of location with Cauchy's weight 1 / (1 + |y - y_j|^2 / h^2) (Huber, Robust Statistics, 1981,
// chapter 8).
//
// Weights fall with the distance in feature space: w_j = exp(-(d_j - d_1) / (mean d - d_1)). A neighbour of
// which the classifier says another class counts little, as edges between classes do in the default layout:
// the place shall show what is said of the sample.
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "graph/neighbors.h"

namespace dvi {

/// Neighbours among train samples that a place is made of.
constexpr int place_k = 15;

/// [n, 2] for the n rows of `nearest` (at least one neighbour each, at most the first place_k are used),
/// whose indices are rows of `positions` [m, 2] and of `predictions` [m]; `own` [n] are the classes predicted
/// for the samples themselves. A row depends on its own neighbours only, to the last bit. Uses all threads.
Matrix places_among(const Neighbors& nearest, std::span<const int32_t> own, MatrixView positions,
                    std::span<const int32_t> predictions);

}  // namespace dvi
