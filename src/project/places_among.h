// Where a sample belongs that no layout knows: among the places of the train samples that are nearest to it
// in feature space.
//
// A layout does not keep all neighbours of a sample together, so their mean lies between groups, where
// nothing is. The place taken is the one that a layout would find for a point that is attracted by them and
// by nothing else: the minimum of
//
//   sum over neighbours j of w_j log(1 + |y - y_j|^2 / h^2)
//
// which is t-SNE's attraction (van der Maaten & Hinton, JMLR 2008) with the width h, about the distance
// between train samples that stand next to each other: the root of the room that each has in the picture. It
// has many minima; the search starts at the best of the neighbours' own places and goes on by the iteration
// for M-estimators of location with Cauchy's weight 1 / (1 + |y - y_j|^2 / h^2) (Huber, Robust Statistics,
// 1981, chapter 8).
//
// Weights fall with the distance in feature space, and with the difference between what the classifier says
// of the sample and of the neighbour, since the place shall show what is said of the sample:
//
//   w_j = exp(-(d_j - d_1) / (mean d - d_1)) exp(-(r - r_j)^2 / (2 s^2)), and a fiftieth of it for another
//   class
//
// with r the rank of the margin (margin_ranks.h). The default layout likewise orders neighbours by margin,
// and weakens edges between classes.
//
// A sample that is followed over time is held by a spring as well, which adds s |y - a|^2 / h^2 to the sum.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/shared_for.h"
#include "core/matrix.h"
#include "graph/neighbors.h"
#include "project/margin_ranks.h"

namespace dvi {

/// Neighbours among train samples that a place is made of, if there are as many.
constexpr int place_k = 20;

/// What the classifier says of a sample.
struct Opinion {
  int32_t prediction = 0;
  float rank = 0;  ///< of the margin, 0 to 1
};

std::vector<Opinion> opinions_of(std::span<const Verdict>, const MarginRanks&);

/// Springs that hold samples.
struct Holds {
  MatrixView anchors;               ///< [n, 2]
  std::span<const float> strength;  ///< [n] s; 0 where there is none
};

class PlacesAmong {
 public:
  /// For n samples, of which `own` [n] is said, by their nearest of others, whose `positions` [m, 2] and
  /// `opinions` [m] these are: `nearest` has the owned_rows() of the n (comm/shared_for.h), at least one
  /// neighbour each, of which at most the first place_k are used. Nothing given is needed afterwards. Uses
  /// all threads, and all ranks, which must all call it.
  PlacesAmong(const Neighbors& nearest, std::span<const Opinion> own, MatrixView positions,
              std::span<const Opinion> opinions);
  /// [n, 2]. A row depends on its own neighbours and spring only, to the last bit. Uses all threads and
  /// ranks likewise.
  Matrix find(const Holds& = {}) const;

 private:
  struct Anchor {
    float x, y, weight;
    float cost;  // of the neighbour's own place, without a spring
  };
  std::span<const Anchor> anchors(int64_t row) const {
    return std::span(anchors_).subspan(static_cast<size_t>((row - own_.begin) * k_), static_cast<size_t>(k_));
  }
  /// (distance / h)^2
  double squared_units(double x0, double y0, double x, double y) const {
    return ((x0 - x) * (x0 - x) + (y0 - y) * (y0 - y)) / square_;
  }

  int64_t n_;
  RowRange own_;  // rows of this rank
  int k_;
  double square_;                // h^2
  std::vector<Anchor> anchors_;  // [own rows, k], whose weights sum to 1
};

}  // namespace dvi
