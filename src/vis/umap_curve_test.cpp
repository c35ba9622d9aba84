#include "vis/umap_curve.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace dvi {
namespace {

TEST(UmapCurve, AgreesWithUmapLearn) {
  // umap.umap_.find_ab_params(spread, min_dist) of umap-learn 0.5.3
  struct Case {
    double min_dist, spread;
    float a, b;
  };
  for (const auto& [min_dist, spread, a, b] :
       {Case{0.1, 1, 1.5769435f, 0.8950609f}, Case{0, 1, 1.9328084f, 0.7904950f},
        Case{0.5, 1, 0.5830300f, 1.3341670f}, Case{0.1, 2, 0.5446605f, 0.8420554f},
        Case{0.25, 0.5, 3.7062902f, 1.3341672f}}) {
    const auto curve = fit_umap_curve(min_dist, spread);
    EXPECT_NEAR(curve.a, a, 1e-4f * a) << min_dist << ", " << spread;
    EXPECT_NEAR(curve.b, b, 1e-4f * b) << min_dist << ", " << spread;
  }
}

TEST(UmapCurve, RefusesImpossibleDistances) {
  EXPECT_THROW(fit_umap_curve(0.1, 0), Error);
  EXPECT_THROW(fit_umap_curve(-0.1, 1), Error);
  EXPECT_THROW(fit_umap_curve(3, 1), Error);
}

}  // namespace
}  // namespace dvi
