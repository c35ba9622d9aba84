#include "run/csv.h"

#include <gtest/gtest.h>

namespace dvi {
namespace {

TEST(Csv, QuotesWhatWouldEndACell) {
  EXPECT_EQ(csv_cell("T-shirt/top"), "T-shirt/top");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"no\"\n"), "\"say \"\"no\"\"\n\"");
  EXPECT_EQ(csv_cell(""), "");
}

TEST(Csv, NoCellIsAFormula) {
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("@SUM(A1,A2)"), "\"'@SUM(A1,A2)\"");
}

}  // namespace
}  // namespace dvi
