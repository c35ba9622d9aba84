#include "graph/selection.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"

namespace dvi {
namespace {

TEST(Selection, TheWidestInstructionsSelectWhatPlainCodeDoes) {
  Random random(1);
  for (const int64_t width : {1, 7, 8, 15, 16, 17, 63, 64, 200, 512}) {
    std::vector<int32_t> product(width), norm(width), fast(width + 16), plain(width + 16);
    for (auto& p : product) p = static_cast<int32_t>(random.below(1000));
    for (auto& n : norm) n = static_cast<int32_t>(random.below(2000));
    for (const int32_t limit : {-5000, 0, 300, 5000}) {
      const int64_t count = select_below(product.data(), norm.data(), width, limit, fast.data());
      ASSERT_EQ(count, select_below_portable(product.data(), norm.data(), width, limit, plain.data()));
      fast.resize(count);
      plain.resize(count);
      EXPECT_EQ(fast, plain) << width << " below " << limit;
      fast.resize(width + 16);
      plain.resize(width + 16);
    }
  }
}

TEST(Selection, CandidateListKeepsTheSmallest) {
  Random random(2);
  std::vector<Candidate> all;
  CandidateList list;
  list.clear(20);
  for (int32_t i = 0; i < 1000; ++i) {
    const Candidate c{i, static_cast<int32_t>(random.below(300))};  // many are equally far
    all.push_back(c);
    if (c.squared < list.limit()) list.push(c);
  }
  std::stable_sort(all.begin(), all.end());
  const auto kept = list.sorted();
  ASSERT_EQ(kept.size(), 20u);
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i].squared, all[i].squared) << i;
}

TEST(Selection, InsertKeepsKInOrder) {
  std::vector<Hit> hits;
  for (const Hit hit : {Hit{3, 1}, Hit{1, 5}, Hit{2, 0}, Hit{1, 4}, Hit{9, 9}}) insert(hits, 3, hit);
  ASSERT_EQ(hits.size(), 3u);
  EXPECT_EQ(hits[0].index, 4);  // ties by index
  EXPECT_EQ(hits[1].index, 5);
  EXPECT_EQ(hits[2].index, 0);
}

}  // namespace
}  // namespace dvi
