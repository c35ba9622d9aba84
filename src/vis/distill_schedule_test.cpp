#include "vis/distill_schedule.h"

#include <gtest/gtest.h>

#include <map>

namespace dvi {
namespace {

TEST(DistillSchedule, APassVisitsEachPlaceAsOftenAsItIsListed) {
  std::vector<int32_t> visits;
  for (int32_t row = 0; row < 600; ++row) visits.insert(visits.end(), row < 100 ? 2 : 1, row);
  Random random(1);
  const auto schedule = make_schedule(visits, 25, 64, random);
  EXPECT_EQ(schedule.batch, 64);
  EXPECT_EQ(schedule.steps(), 25);
  EXPECT_EQ(schedule.last_pass, 20);  // 10 steps a pass
  EXPECT_EQ(schedule.counted(), 5 * 64);
  std::map<int32_t, int> seen;
  for (int64_t i = 0; i < 10 * 64; ++i) ++seen[schedule.rows[static_cast<size_t>(i)]];
  for (const auto& [row, times] : seen) EXPECT_LE(times, row < 100 ? 2 : 1) << row;
}

TEST(DistillSchedule, RatesRiseAndFall) {
  Random random(1);
  const auto schedule = make_schedule({0, 1, 2}, 200, 512, random);
  EXPECT_EQ(schedule.batch, 3);  // all there are
  EXPECT_NEAR(schedule.rates[0], 0.05, 1e-5);
  EXPECT_GT(schedule.rates[19], 0.97);
  EXPECT_LT(schedule.rates[199], 0.021);
}

}  // namespace
}  // namespace dvi
