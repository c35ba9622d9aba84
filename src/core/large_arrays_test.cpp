#include "core/large_arrays.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/matrix.h"

namespace dvi {
namespace {

#ifndef DVI_SANITIZED

class LargeArrays : public testing::Test {
 protected:
  static constexpr size_t large = size_t{4} << 20;
  void TearDown() override { put_large_arrays_in_memory(); }
};

TEST_F(LargeArrays, LieInFilesAndSmallOnesDoNot) {
  put_large_arrays_in(std::filesystem::temp_directory_path(), large);
  std::vector<int32_t> small(large / 8);
  EXPECT_EQ(bytes_in_files(), 0u);
  {
    std::vector<int32_t> values(large / 4);
    Matrix matrix(1024, 2048);
    EXPECT_GE(bytes_in_files(), 3 * large);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix.data()) % 64, 0u);
    std::iota(values.begin(), values.end(), 0);
    values.resize(values.size() + 1000);  // into a larger one
    EXPECT_EQ(std::accumulate(values.begin(), values.begin() + 1000, int64_t{0}), 499500);
    EXPECT_EQ(values[large / 4 - 1], static_cast<int32_t>(large / 4 - 1));
    EXPECT_EQ(matrix(1023, 2047), 0);
    // Where they lie is known when they go, whatever is set meanwhile.
    put_large_arrays_in_memory();
  }
  EXPECT_EQ(bytes_in_files(), 0u);
}

TEST_F(LargeArrays, LieInMemoryWhereThereIsNoRoom) {
  put_large_arrays_in("/proc/no-such-folder", large);
  const std::vector<float> values(large, 1.f);
  EXPECT_EQ(bytes_in_files(), 0u);
  EXPECT_EQ(values.back(), 1.f);
}

TEST_F(LargeArrays, TooLargeForAnythingIsAnError) {
  put_large_arrays_in(std::filesystem::temp_directory_path(), large);
  EXPECT_THROW(std::vector<char>(size_t{1} << 62), std::bad_alloc);
}

TEST(LargeArrayBytes, AreLessWhereProcessesShareAMachine) {
  EXPECT_GT(large_array_bytes(1), size_t{1} << 20);
  EXPECT_EQ(large_array_bytes(4), large_array_bytes(1) / 4);
}

#endif

}  // namespace
}  // namespace dvi
