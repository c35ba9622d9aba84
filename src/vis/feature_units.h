// The units that the default preset's networks are trained in, and the way back: features in their principal
// subspace, scaled to a variance of 1.
//
// A change of units is linear, and so are the outer layers of a network. So networks are trained in these
// units and *folded* afterwards: the units become part of the outer layer, and what is left is an ordinary
// network over D dimensions.
#pragma once

#include <cstdint>

#include "core/matrix.h"
#include "linalg/principal_subspace.h"
#include "vis/mlp.h"

namespace dvi {

/// x = scale * basis * (f - mean), [r] of a feature vector f [D].
struct FeatureUnits {
  PrincipalSubspace subspace;
  float scale = 1;

  /// Of the dimensions that classifiers' features fill; the units make the variance 1 as if it were spread
  /// over so many.
  static constexpr int64_t filled_dimensions = 16;

  /// Of features [n, D], at most `dimensions` of them (r).
  static FeatureUnits of(MatrixView features, int64_t dimensions);
  int64_t feature_dim() const { return subspace.feature_dim(); }  ///< D
  int64_t dimensions() const { return subspace.dimensions(); }    ///< r
  /// `features` [n, D] -> `x` [n, r].
  void to_units(MatrixView features, MutMatrixView x) const;
  /// `x` [n, r] -> `features` [n, D].
  void from_units(MatrixView x, MutMatrixView features) const;
  /// A gradient by features [n, D] -> the gradient by their x [n, r].
  void gradient_to_units(MatrixView gradient, MutMatrixView x) const;
};

/// What leads from x becomes what leads from f.
Mlp fold_encoder(const Mlp& small, const FeatureUnits&);
/// What leads to x becomes what leads to f.
Mlp fold_decoder(const Mlp& small, const FeatureUnits&);

/// The reverse, in units that may be others than those it was folded with; what the subspace cannot hold is
/// lost.
Mlp unfold_encoder(const Mlp& whole, const FeatureUnits&);
Mlp unfold_decoder(const Mlp& whole, const FeatureUnits&);

}  // namespace dvi
