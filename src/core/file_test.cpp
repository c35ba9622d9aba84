#include "core/file.h"

#include <gtest/gtest.h>

namespace dvi {
namespace {

TEST(FileVersion, ChangesWithEveryWriteAndIsEmptyWithoutAFile) {
  const auto path = std::filesystem::temp_directory_path() / "dvi-file-version-test";
  EXPECT_EQ(file_version(path), "");
  std::string last;
  for (int i = 0; i < 50; ++i) {  // within one tick of the file system's clock
    write_file_atomically(path, "x");
    const std::string now = file_version(path);
    EXPECT_NE(now, last);
    EXPECT_EQ(file_version(path), now);
    last = now;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dvi
