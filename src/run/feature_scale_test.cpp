#include "run/feature_scale.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

Matrix normal_features(double scale) {
  Random random(1);
  Matrix features(200, 8);
  for (int64_t i = 0; i < 200 * 8; ++i) features.data()[i] = static_cast<float>(scale * random.normal());
  return features;
}

TEST(FeatureScale, OrdinaryFeaturesAreLeftAlone) {
  EXPECT_EQ(workable_scale(Matrix(20, 4)), 1);
  for (const double scale : {1e-3, 1.0, 255.0, 1e4})
    EXPECT_EQ(workable_scale(normal_features(scale)), 1) << scale;
}

TEST(FeatureScale, OthersComeToSquaresThatFloat32Holds) {
  for (double exponent = -37; exponent < 37.5; ++exponent) {
    Matrix features = normal_features(std::pow(10., exponent));
    const float scale = workable_scale(features);
    int ignored = 0;
    EXPECT_EQ(std::frexp(scale, &ignored), 0.5f) << "no power of two: " << scale;
    scale_by(features, scale);
    double greatest = 0;
    for (int64_t i = 0; i < 200 * 8; ++i) greatest = std::max(greatest, std::abs(double(features.data()[i])));
    EXPECT_GT(greatest, 1e-5) << exponent;
    EXPECT_LT(greatest, 1e6) << exponent;
  }
}

TEST(FeatureScale, OneSampleFarOffDoesNotHideTheOthers) {
  Matrix features = normal_features(1);
  features(7, 3) = 1e30f;
  scale_by(features, workable_scale(features));
  EXPECT_LE(features(7, 3), std::ldexp(1.f, 41));
  EXPECT_NE(features(0, 0), features(1, 0));
  EXPECT_GT(std::abs(features(0, 0)), 1e-20f);
}

TEST(FeatureScale, AnEpochIsReadTimesIt) {
  TestRunOptions options;
  options.epochs = {1, 2};
  options.fitted = {};
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options);
  const Epoch epoch = run.epoch(2);
  const Matrix before = epoch.features();
  EXPECT_EQ(feature_scale(epoch), 1);
  Matrix huge = before;
  scale_by(huge, std::ldexp(1.f, 80));
  write_npy(epoch.folder() / "features.npy", huge);
  const float scale = feature_scale(epoch);
  EXPECT_LT(scale, 1e-20f);
  const Matrix after = epoch.features();
  const float unit = after(0, 0) / before(0, 0);
  for (int64_t i = 0; i < before.rows() * before.cols(); ++i)
    EXPECT_EQ(after.data()[i], before.data()[i] * unit);
  const RecordedRows other = features_times(run.epoch(1), scale);
  EXPECT_EQ(other.row(5)[1], run.epoch(1).features()(5, 1) * scale);
}

TEST(FeatureScale, IsRememberedAsLongAsTheFileIsTheSame) {
  TestRunOptions options;
  options.epochs = {1};
  options.fitted = {};
  const TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options);
  const Epoch epoch = run.epoch(1);
  remember_feature_scale(epoch, 0.5f);
  EXPECT_EQ(feature_scale(epoch), 0.5f);
  EXPECT_EQ(feature_scale(run.epoch(1)), 0.5f);
  write_npy(epoch.folder() / "features.npy", normal_features(1));
  EXPECT_EQ(feature_scale(epoch), 1);
}

}  // namespace
}  // namespace dvi
