#include "scenarios/training.h"

#include <gmock/gmock.h>

#include <set>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Batches, APassShowsEverySampleOnceAndThePassesDiffer) {
  Batches batches(all_ids(30), 10, 1);
  std::vector<int32_t> passes[2];
  for (auto& pass : passes)
    for (int i = 0; i < 3; ++i)
      for (const int32_t id : batches.next()) pass.push_back(id);
  for (const auto& pass : passes) EXPECT_EQ(std::set(pass.begin(), pass.end()).size(), 30u);
  EXPECT_NE(passes[0], passes[1]);
}

TEST(Batches, FewerSamplesThanABatchMakeSmallerBatches) {
  Batches batches(all_ids(7), 50, 1);
  EXPECT_EQ(batches.size(), 7);
  EXPECT_EQ(batches.next().size(), 7u);
}

TEST(LearningRate, RisesThenFalls) {
  EXPECT_NEAR(learning_rate(0, 1000, 2e-3), 2e-3 / 50, 1e-9);
  EXPECT_NEAR(learning_rate(500, 1000, 2e-3), 1e-3, 1e-9);
  EXPECT_GT(learning_rate(999, 1000, 2e-3), 0);
  EXPECT_LT(learning_rate(999, 1000, 2e-3), 1e-5);
}

TEST(CheckpointSteps, AreDenseAtFirstAndEndWithTheTraining) {
  EXPECT_THAT(checkpoint_steps(1000, 4), ElementsAre(31, 177, 487, 1000));
  EXPECT_THAT(checkpoint_steps(5, 5), ElementsAre(1, 2, 3, 4, 5));  // as close as steps allow
  EXPECT_THAT(checkpoint_steps(7, 5), ElementsAre(1, 2, 3, 4, 7));
  EXPECT_THAT(error_of([] { checkpoint_steps(4, 5); }), HasSubstr("--epochs"));
}

}  // namespace
}  // namespace dvi
