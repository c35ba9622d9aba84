#include "core/mapped_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>

#include "core/error.h"
#include "core/npy.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Mapped : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "dvi-mapped-XXXXXX").string();
    folder = mkdtemp(name.data());
    file = folder / "a.npy";
  }
  void TearDown() override { fs::remove_all(folder); }
  template <typename Action>
  static std::string error_of(Action action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  fs::path folder, file;
};

TEST_F(Mapped, AFileShortenedWhileItIsReadIsAnErrorAndNoSignal) {
  write_npy(file, std::vector<float>(1 << 20, 1.f));
  const NpyArray array = NpyArray::open(file);
  const NpyArray other = array;
  const auto values = array.as<float>();
  const uint64_t before = damaged_mappings();
  EXPECT_EQ(values[1 << 19], 1.f);
  ASSERT_EQ(truncate(file.c_str(), 8192), 0);
  EXPECT_FALSE(array.damaged());
  EXPECT_EQ(values[1 << 19], 0.f);  // would be SIGBUS
  EXPECT_EQ(values[(1 << 20) - 1], 0.f);
  EXPECT_EQ(values[0], 1.f);
  EXPECT_TRUE(array.damaged());
  EXPECT_TRUE(other.damaged());
  EXPECT_EQ(damaged_mappings(), before + 1);
  const auto names_it = AllOf(HasSubstr(file.string()), HasSubstr("shortened by another program"));
  EXPECT_THAT(error_of([&] { expect_whole_mappings(before); }), names_it);
  EXPECT_EQ(error_of([&] { expect_whole_mappings(before + 1); }), "");
  EXPECT_THAT(error_of([&] { array.to_floats(); }), names_it);
  EXPECT_THAT(error_of([&] { array.to_ints(); }), names_it);
}

TEST_F(Mapped, TheFileWrittenAgainIsReadAgain) {
  write_npy(file, std::vector<float>(1 << 16, 1.f));
  {
    const NpyArray array = NpyArray::open(file);
    ASSERT_EQ(truncate(file.c_str(), 0), 0);
    EXPECT_EQ(array.as<float>()[0], 0.f);
    EXPECT_TRUE(array.damaged());
  }
  fs::remove(file);
  write_npy(file, std::vector<float>(1 << 16, 2.f));
  const NpyArray again = NpyArray::open(file);
  EXPECT_FALSE(again.damaged());
  EXPECT_EQ(again.as<float>()[9], 2.f);
}

TEST_F(Mapped, WhatIsNoFileIsRefused) {
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder / "zero");
  EXPECT_THAT(error_of([&] { NpyArray::open(folder / "pipe"); }), HasSubstr("found a pipe"));
  EXPECT_THAT(error_of([&] { NpyArray::open(folder / "zero"); }), HasSubstr("found a device"));
}

TEST_F(Mapped, NumbersThatAreNotWholeAreNoInts) {
  for (const double bad : {-HUGE_VAL, 1e30, 0.5, std::nan(""), 2147483648.0}) {
    write_npy<double>(file, std::vector<double>{1, bad});
    EXPECT_THAT(error_of([&] { NpyArray::open(file).to_ints(); }), HasSubstr("at element 1")) << bad;
  }
  write_npy<int64_t>(file, std::vector<int64_t>{int64_t{1} << 31});
  EXPECT_THAT(error_of([&] { NpyArray::open(file).to_ints(); }), HasSubstr("2147483648"));
  write_npy<double>(file, std::vector<double>{-2147483648.0, 7});
  EXPECT_EQ(NpyArray::open(file).to_ints(), (std::vector<int32_t>{INT32_MIN, 7}));
}

TEST(MappedDeathTest, OtherBusErrorsStillEndTheProcess) {
  EXPECT_EXIT(raise(SIGBUS), ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace dvi
