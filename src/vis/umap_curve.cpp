#include "vis/umap_curve.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace dvi {
namespace {

constexpr int points = 300;

struct Fit {
  double a, b, error;              // error: sum of squares
  std::array<double, 2> gradient;  // J^T r
  std::array<double, 3> normal;    // J^T J: aa, ab, bb
};

Fit evaluate(double min_dist, double spread, double a, double b) {
  Fit fit{a, b, 0, {}, {}};
  for (int i = 0; i < points; ++i) {
    const double d = 3 * spread * i / (points - 1);
    const double target = d < min_dist ? 1 : std::exp(-(d - min_dist) / spread);
    const double power = std::pow(d, 2 * b), q = 1 / (1 + a * power), residual = q - target;
    const double by_a = -q * q * power, by_b = d > 0 ? -q * q * a * power * 2 * std::log(d) : 0;
    fit.error += residual * residual;
    fit.gradient[0] += by_a * residual;
    fit.gradient[1] += by_b * residual;
    fit.normal[0] += by_a * by_a;
    fit.normal[1] += by_a * by_b;
    fit.normal[2] += by_b * by_b;
  }
  return fit;
}

}  // namespace

UmapCurve fit_umap_curve(double min_dist, double spread) {
  if (!(spread > 0) || !(min_dist >= 0) || min_dist >= 3 * spread)
    fail(
        "the curve of the plane needs 0 <= min_dist < 3 * spread and a positive spread, but min_dist is {} "
        "and spread {}",
        min_dist, spread);
  // Levenberg-Marquardt from a = b = 1: damping falls while steps succeed.
  Fit best = evaluate(min_dist, spread, 1, 1);
  double damping = 1e-2;
  for (int iteration = 0; iteration < 200; ++iteration) {
    const double aa = best.normal[0] * (1 + damping), ab = best.normal[1],
                 bb = best.normal[2] * (1 + damping);
    const double determinant = aa * bb - ab * ab;
    if (!(determinant > 0)) break;
    const double step_a = (bb * best.gradient[0] - ab * best.gradient[1]) / determinant;
    const double step_b = (aa * best.gradient[1] - ab * best.gradient[0]) / determinant;
    const Fit next = evaluate(min_dist, spread, best.a - step_a, best.b - step_b);
    if (next.a > 0 && next.b > 0 && next.error <= best.error) {
      best = next;
      damping = std::max(damping / 10, 1e-12);
      if (std::abs(step_a) < 1e-10 * best.a && std::abs(step_b) < 1e-10 * best.b) break;
    } else {
      damping *= 10;
    }
  }
  return {static_cast<float>(best.a), static_cast<float>(best.b)};
}

}  // namespace dvi
