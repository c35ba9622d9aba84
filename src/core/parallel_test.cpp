#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace dvi {
namespace {

TEST(Parallel, EveryItemOnce) {
  set_threads(3);
  std::vector<std::atomic<int>> seen(1001);
  parallel_for(1001, 7, [&](int64_t begin, int64_t end, int worker) {
    EXPECT_LT(worker, 3);
    for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)]++;
  });
  for (const auto& s : seen) EXPECT_EQ(s, 1);
}

TEST(Parallel, NestedCallsRunInPlace) {
  std::atomic<int> total{0};
  parallel_for(10, 1,
               [&](int64_t, int64_t, int) { parallel_for(10, 1, [&](int64_t, int64_t, int) { total++; }); });
  EXPECT_EQ(total, 100);
}

TEST(Parallel, ExceptionsReachTheCaller) {
  EXPECT_THROW(parallel_for(100, 1,
                            [](int64_t begin, int64_t, int) {
                              if (begin == 50) throw std::runtime_error("x");
                            }),
               std::runtime_error);
  std::atomic<int> after{0};
  parallel_workers(threads(), [&](int) { after++; });
  EXPECT_EQ(after, threads());
}

TEST(Parallel, SubnormalsAreFlushed) {
  parallel_workers(threads(), [](int) {
    volatile float tiny = 1e-38f;
    volatile float smaller = tiny * 1e-3f;
    EXPECT_EQ(smaller, 0.f);
  });
}

}  // namespace
}  // namespace dvi
