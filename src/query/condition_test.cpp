#include "query/condition.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace dvi {
namespace {

TEST(Condition, GroupNeedsNoQuotes) {
  EXPECT_EQ(Condition("group = 'a' or GROUP='b'").sql(), "\"group\" = 'a' or \"group\"='b'");
  EXPECT_EQ(Condition("regroup = 'group' and \"group\" = 1").sql(), "regroup = 'group' and \"group\" = 1");
}

TEST(Condition, HistoryFunctionsAreToldTheSample) {
  EXPECT_EQ(Condition("prediction_at(3) = 'x'").sql(), "prediction_at(id, 3) = 'x'");
  EXPECT_EQ(Condition("Crossed (1, 2)").sql(), "Crossed (id, 1, 2)");
  EXPECT_EQ(Condition("crossed()").sql(), "crossed(id)");
  EXPECT_EQ(Condition("'crossed(1)'").sql(), "'crossed(1)'");
  EXPECT_EQ(Condition("moved(1, abs(moved(1, 2)))").sql(), "moved(id, 1, abs(moved(id, 1, 2)))");
  EXPECT_EQ(Condition("pushed(7, 1, 2) > 0").sql(), "pushed(id, 7, 1, 2) > 0");
}

TEST(Condition, PositionsAreTheUsers) {
  const Condition condition("crossed(1, 2) and foo = 1");
  EXPECT_EQ(condition.user_position(condition.sql().find("foo")), 19u);
  EXPECT_EQ(condition.user_position(1000), 26u);
}

TEST(Closest, FindsWhatWasMeant) {
  const std::vector<std::string> words = {"label", "prediction", "confidence", "epoch"};
  EXPECT_EQ(closest("lable", words), "label");
  EXPECT_EQ(closest("predction", words), "prediction");
  EXPECT_EQ(closest("EPOCH", words), "epoch");
  EXPECT_EQ(closest("zzz", words), "");
}

}  // namespace
}  // namespace dvi
