#include "core/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/file.h"
#include "core/random.h"

namespace dvi {
namespace {

using testing::HasSubstr;

class NpyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dvi-npy-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string error_of(const std::filesystem::path& path) {
    try {
      NpyArray::open(path);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  std::filesystem::path folder_;
};

TEST_F(NpyTest, ElementsThatTheProcessorCannotReadWhereTheyLieAreRefused) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";  // of 58 bytes
  std::ofstream(folder_ / "odd.npy", std::ios::binary)
      << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(header.size() + 1) << '\0' << ' ' << header
      << std::string(4, '\0');
  EXPECT_THAT(error_of(folder_ / "odd.npy"),
              HasSubstr("a multiple of their 4 bytes, found the first at byte 69"));
}

TEST_F(NpyTest, NoElementsHideNoSizesBeyondAllMeasure) {
  const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }\n";
  std::ofstream(folder_ / "none.npy", std::ios::binary)
      << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(header.size()) << '\0' << header;
  EXPECT_THAT(error_of(folder_ / "none.npy"), HasSubstr("more than any file can hold"));
}

TEST_F(NpyTest, RoundTrip) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const int64_t shape[] = {2, 3};
  write_npy(folder_ / "a.npy", shape, std::span<const float>(values));
  const auto array = NpyArray::open(folder_ / "a.npy");
  EXPECT_EQ(array.matrix()(1, 2), 6.f);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.bytes()) % 64, 0u);
  EXPECT_THROW(array.as<int32_t>(), Error);
}

TEST_F(NpyTest, BadFilesAreNamedAndExplained) {
  const auto path = folder_ / "bad.npy";
  EXPECT_THAT(error_of(path), HasSubstr("bad.npy"));
  write_file_atomically(path, "not numpy at all");
  EXPECT_THAT(error_of(path), HasSubstr("expected a NumPy .npy file"));
  const int64_t shape[] = {4};
  write_file_atomically(path, npy_header_text("'>f4'", shape) + std::string(16, 'x'));
  EXPECT_THAT(error_of(path), HasSubstr("big-endian"));
  write_file_atomically(path, npy_header_text("'<f4'", shape) + std::string(15, 'x'));
  EXPECT_THAT(error_of(path), HasSubstr("found 15 bytes"));
  write_file_atomically(path, npy_header_text("'<U4'", shape) + std::string(64, 'x'));
  EXPECT_THAT(error_of(path), HasSubstr("'<U4'"));
  const int64_t huge[] = {int64_t{1} << 40, int64_t{1} << 40};
  write_file_atomically(path, npy_header_text("'<f4'", huge));
  EXPECT_THAT(error_of(path), HasSubstr("cut off or damaged"));
}

TEST_F(NpyTest, FailedWriteLeavesTheOldFile) {
  const auto path = folder_ / "keep.npy";
  write_npy(path, std::vector<float>{1, 2});
  std::filesystem::create_directory(folder_ / "keep2.npy");
  EXPECT_THROW(write_npy(folder_ / "keep2.npy", std::vector<float>{3}),
               Error);  // a folder cannot be replaced
  EXPECT_THROW(write_npy(folder_ / "missing" / "x.npy", std::vector<float>{3}), Error);
  EXPECT_EQ(NpyArray::open(path).as<float>()[1], 2.f);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 2);
}

TEST_F(NpyTest, ParserSurvivesRandomDamage) {
  const int64_t shape[] = {3, 5};
  const std::string good = npy_header_text("'<f4'", shape);
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = good.substr(0, random.below(good.size() + 1));
    for (int j = 0; j < 3 && !damaged.empty(); ++j)
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    try {
      parse_npy_header(std::as_bytes(std::span(damaged)), "fuzz");
    } catch (const Error&) {
    }
  }
}

TEST(Half, AllValuesSurviveTheRoundTrip) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float f = half_to_float(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    EXPECT_EQ(float_to_half(f), h);
  }
  EXPECT_EQ(half_to_float(0x3c00), 1.f);
  EXPECT_EQ(float_to_half(1e9f), 0x7c00);
}

}  // namespace
}  // namespace dvi
