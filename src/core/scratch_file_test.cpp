#include "core/scratch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"

namespace dvi {
namespace {

std::filesystem::path empty_folder() {
  const auto folder = std::filesystem::path(testing::TempDir()) / "scratch_file_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(ScratchFile, GivesBackWhatWasPutAsOftenAsItIsAsked) {
  const auto folder = empty_folder();
  ScratchFile file(folder);
  Matrix m(3, 2);
  m(2, 1) = 7;
  file.put(std::vector<int32_t>{1, -2, 3});
  file.put(m);
  file.put(std::vector<float>{});
  for (int round = 0; round < 2; ++round) {
    file.rewind();
    std::vector<int32_t> ints;
    Matrix back;
    std::vector<float> floats{1};
    file.get(ints);
    file.get(back);
    file.get(floats);
    EXPECT_THAT(ints, testing::ElementsAre(1, -2, 3));
    ASSERT_EQ(back.rows(), 3);
    EXPECT_EQ(back(2, 1), 7);
    EXPECT_TRUE(floats.empty());
  }
  EXPECT_THROW(
      {
        std::vector<float> more;
        file.get(more);
      },
      Error);
}

TEST(ScratchFile, LeavesNothingInTheFolder) {
  const auto folder = empty_folder();
  ScratchFile file(folder);
  file.put(std::vector<float>(1000));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(ScratchFile, AFolderThatIsNotThereIsNamed) {
  try {
    ScratchFile file("/nowhere/at/all");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/at/all"));
  }
}

}  // namespace
}  // namespace dvi
