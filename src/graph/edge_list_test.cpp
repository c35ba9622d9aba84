#include "graph/edge_list.h"

#include <gtest/gtest.h>

#include <map>

#include "core/random.h"

namespace dvi {
namespace {

TEST(EdgeList, EdgesInAnyOrderAreGroupedByRow) {
  const EdgeList edges = edges_from(4, [](const auto& add) {
    add(2, 0, 0.5);
    add(0, 3, 1);
    add(2, 1, 0.25);
  });
  EXPECT_EQ(edges.begin, (std::vector<int64_t>{0, 1, 1, 3, 3}));
  EXPECT_EQ(edges.target, (std::vector<int32_t>{3, 0, 1}));
  EXPECT_EQ(edges.weight, (std::vector<float>{1, 0.5f, 0.25f}));
  EXPECT_EQ(edges.rows(), 4);
  EXPECT_EQ(edges.size(), 3);
}

TEST(EdgeList, RowByRowInParallelIsTheSame) {
  constexpr int64_t rows = 5000;
  std::vector<std::map<int32_t, float>> wanted(rows);
  Random random(3);
  for (int64_t e = 0; e < 4 * rows; ++e)
    wanted[random.below(rows)][static_cast<int32_t>(random.below(rows))] =
        static_cast<float>(random.uniform());
  const auto each_of_row = [&](int64_t row, const auto& add) {
    for (const auto& [target, weight] : wanted[row]) add(target, weight);
  };
  const EdgeList by_row = edges_by_row(rows, each_of_row);
  const EdgeList any = edges_from(rows, [&](const auto& add) {
    for (int64_t row = rows - 1; row >= 0; --row)
      each_of_row(row, [&](int32_t target, float weight) { add(row, target, weight); });
  });
  EXPECT_EQ(by_row.begin, any.begin);
  EXPECT_EQ(by_row.target, any.target);
  EXPECT_EQ(by_row.weight, any.weight);
}

TEST(EdgeList, WithoutEdges) {
  EXPECT_EQ(edges_from(0, [](const auto&) {}).size(), 0);
  EXPECT_EQ(edges_by_row(3, [](int64_t, const auto&) {}).begin, (std::vector<int64_t>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace dvi
