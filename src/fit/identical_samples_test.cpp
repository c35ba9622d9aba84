#include "fit/identical_samples.h"

#include <gmock/gmock.h>

#include "core/random.h"

namespace dvi {
namespace {

using ::testing::ElementsAre;

TEST(IdenticalSamples, TheFirstOfEachKind) {
  Matrix features(6, 2);
  features(1, 0) = 3;
  features(3, 0) = 3;
  features(4, 1) = -0.f;
  features(5, 1) = 1;
  EXPECT_THAT(first_identical(features), ElementsAre(0, 1, 0, 1, 0, 5));
}

TEST(IdenticalSamples, StandAtTheirMeanAndOthersWhereTheyWere) {
  Random random(1);
  Matrix features(500, 3), positions(500, 2);
  for (int64_t i = 0; i < 500; ++i) {
    for (int64_t j = 0; j < 3; ++j)
      features(i, j) =
          i % 5 == 0 ? 7.f : static_cast<float>(random.normal());  // every fifth is one of one kind
    for (int64_t c = 0; c < 2; ++c) positions(i, c) = static_cast<float>(i + 10 * c);
  }
  unite_identical(features, positions);
  for (int64_t i = 0; i < 500; ++i) {
    EXPECT_FLOAT_EQ(positions(i, 0), i % 5 == 0 ? 247.5f : static_cast<float>(i));
    EXPECT_FLOAT_EQ(positions(i, 1), i % 5 == 0 ? 257.5f : static_cast<float>(i + 10));
  }
}

}  // namespace
}  // namespace dvi
