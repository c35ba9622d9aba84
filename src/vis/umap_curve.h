// The similarity of two points of the plane in UMAP (McInnes, Healy & Melville, 2018, sec. 3.2 and app. C).
#pragma once

namespace dvi {

/// q(d) = 1 / (1 + a * d^(2b)) for a distance d in the plane: near 1 below min_dist, then falling.
struct UmapCurve {
  float a, b;
};

/// a and b for which q is, in the least-squares sense over [0, 3 * spread], closest to 1 up to `min_dist` and
/// exp(-(d - min_dist) / spread) beyond. A larger min_dist keeps points farther apart; `spread` is the scale
/// of the picture. 1.577 and 0.895 for (0.1, 1). Throws Error unless 0 <= min_dist < 3 * spread and spread >
/// 0.
UmapCurve fit_umap_curve(double min_dist, double spread);

}  // namespace dvi
