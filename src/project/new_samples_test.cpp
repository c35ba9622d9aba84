#include "project/new_samples.h"

#include <gmock/gmock.h>

#include "image/png.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class NewSamplesTest : public testing::Test {
 protected:
  NewSamplesTest() {
    TestRunOptions options;
    options.train = 40, options.test = 10, options.epochs = {1}, options.fitted = {};
    run_ = make_test_run(folder_ / "run", options);
    const auto& shape = run_->inputs()->shape();
    height_ = shape[1], width_ = shape[2];
  }
  std::filesystem::path write_picture(const std::string& name, const Picture& picture) {
    write_file_atomically(folder_ / name, encode_png(picture));
    return folder_ / name;
  }
  Picture grey(int64_t width, int64_t height, uint8_t value) const {
    return {width, height, 1, std::vector<uint8_t>(static_cast<size_t>(width * height), value)};
  }
  NewSamples read(const std::filesystem::path& file, bool resize = false) {
    return read_new_samples(*run_, file, {SampleKind::automatic, resize});
  }
  TemporaryFolder folder_;
  std::optional<dvi::Run> run_;
  int64_t height_ = 0, width_ = 0;
};

TEST_F(NewSamplesTest, APictureIsWhatTheRunWouldHaveStored) {
  const NewSamples found = read(write_picture("one.png", grey(width_, height_, 200)));
  EXPECT_EQ(found.kind, SampleKind::inputs);
  EXPECT_THAT(found.names, ElementsAre("one.png"));
  EXPECT_EQ(found.values(0, 5), 200);
  EXPECT_NEAR(prepared(InputReader(*run_), found.values)(0, 5), 200 / 255.0, 1e-6);
}

TEST_F(NewSamplesTest, AFolderIsReadInTheOrderOfItsNames) {
  std::filesystem::create_directory(folder_ / "many");
  write_picture("many/b.png", grey(width_, height_, 2));
  write_picture("many/a.PNG", grey(width_, height_, 1));
  write_file_atomically(folder_ / "many" / "notes.txt", "not a picture");
  const NewSamples found = read(folder_ / "many");
  EXPECT_THAT(found.names, ElementsAre("a.PNG", "b.png"));
  EXPECT_EQ(found.values(1, 0), 2);
}

TEST_F(NewSamplesTest, OtherPicturesAreFittedOnlyWhenAsked) {
  const auto large = write_picture("large.png", grey(3 * width_, 4 * height_, 7));
  EXPECT_THAT(error_of([&] { read(large); }), HasSubstr("--resize"));
  EXPECT_EQ(read(large, true).values(0, 3), 7);
  Picture colours{width_, height_, 4, std::vector<uint8_t>(static_cast<size_t>(width_ * height_ * 4), 255)};
  const auto coloured = write_picture("coloured.png", colours);
  EXPECT_THAT(error_of([&] { read(coloured); }), HasSubstr("red-green-blue;"));
  EXPECT_EQ(read(coloured, true).values(0, 3), 255);
}

TEST_F(NewSamplesTest, ArraysAreKnownByTheirShape) {
  write_npy(folder_ / "features.npy", Matrix(5, 8));
  EXPECT_EQ(read(folder_ / "features.npy").kind, SampleKind::features);
  const std::vector<uint8_t> bytes(static_cast<size_t>(2 * height_ * width_), 9);
  auto shape = run_->inputs()->shape();
  shape[0] = 2;
  write_npy(folder_ / "inputs.npy", DType::u8, shape, bytes.data());
  EXPECT_EQ(read(folder_ / "inputs.npy").kind, SampleKind::inputs);
  EXPECT_EQ(read(folder_ / "inputs.npy").size(), 2);
  write_npy(folder_ / "wide.npy", Matrix(5, 9));
  EXPECT_THAT(error_of([&] { read(folder_ / "wide.npy"); }), HasSubstr("(5, 8)"));
  Matrix nan(2, 8);
  nan(1, 1) = NAN;
  write_npy(folder_ / "nan.npy", nan);
  EXPECT_THAT(error_of([&] { read(folder_ / "nan.npy"); }), HasSubstr("row 1"));
  EXPECT_THAT(error_of([&] { read(folder_ / "none.npy"); }), HasSubstr("no such file"));
}

TEST_F(NewSamplesTest, TablesOfNumbersAreReadLineByLine) {
  const Matrix numbers = numbers_of_text("1, 2.5;\t-3e2\n\n4 5 6\r\n", "text");
  ASSERT_EQ(numbers.rows(), 2);
  EXPECT_EQ(numbers(0, 2), -300);
  EXPECT_EQ(numbers(1, 2), 6);
  EXPECT_THAT(error_of([&] { numbers_of_text("1 2\n1 x\n", "text"); }), HasSubstr("\"x\" in line 2"));
  EXPECT_THAT(error_of([&] { numbers_of_text("1 2\n1\n", "text"); }), HasSubstr("line 2"));
  EXPECT_THAT(error_of([&] { numbers_of_text("\n", "text"); }), HasSubstr("found none"));
  EXPECT_THAT(error_of([&] { numbers_of_text("nan 1", "text"); }), HasSubstr("finite"));
}

}  // namespace
}  // namespace dvi
