#include "scenarios/image_data.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <fstream>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

void write_gz(const fs::path& file, const std::string& bytes) {
  gzFile out = gzopen(file.c_str(), "wb");
  ASSERT_EQ(gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  gzclose(out);
}
void write_plain(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string big_endian(uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

constexpr int64_t height = 8, width = 10;

/// Pixel (y, x) of image i is 16 i + y, but 255 at (0, 1): not symmetric, so that a transposition shows.
std::string idx_images(uint32_t count) {
  std::string bytes =
      std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(height) + big_endian(width);
  for (uint32_t i = 0; i < count; ++i)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        bytes += static_cast<char>(y == 0 && x == 1 ? 255 : 16 * static_cast<int64_t>(i) + y);
  return bytes;
}
std::string idx_labels(const std::vector<int>& labels) {
  std::string bytes = std::string("\0\0\x08\x01", 4) + big_endian(static_cast<uint32_t>(labels.size()));
  for (const int label : labels) bytes += static_cast<char>(label);
  return bytes;
}

void write_idx_folder(const fs::path& folder, const std::string& prefix, const std::string& test,
                      const std::vector<int>& labels) {
  fs::create_directories(folder);
  write_gz(folder / (prefix + "train-images-idx3-ubyte.gz"),
           idx_images(static_cast<uint32_t>(labels.size())));
  write_gz(folder / (prefix + "train-labels-idx1-ubyte.gz"), idx_labels(labels));
  write_gz(folder / (prefix + test + "-images-idx3-ubyte.gz"), idx_images(1));
  write_gz(folder / (prefix + test + "-labels-idx1-ubyte.gz"), idx_labels({labels[0]}));
}

TEST(ImageData, ReadsMnistFiles) {
  const TemporaryFolder folder;
  write_idx_folder(folder / "mnist", "", "t10k", {2, 0, 1});
  const ImageData data = read_image_data(folder / "mnist");
  EXPECT_EQ(data.name, "mnist");
  EXPECT_THAT(data.classes, ElementsAre("0", "1", "2"));
  EXPECT_THAT(data.train.labels, ElementsAre(2, 0, 1));
  EXPECT_THAT(data.test.labels, ElementsAre(2));
  EXPECT_EQ(data.train.shape.height, height);
  EXPECT_EQ(data.train.shape.width, width);
  EXPECT_EQ(data.train.pixels[1], 255);
  EXPECT_EQ(data.train.pixels[2 * height * width + 3 * width], 35);
}

TEST(ImageData, ReadsFilesThatAreNotPackedAndDottedNames) {
  const TemporaryFolder folder;
  write_plain(folder / "train-images.idx3-ubyte", idx_images(2));
  write_plain(folder / "train-labels.idx1-ubyte", idx_labels({0, 1}));
  write_plain(folder / "t10k-images.idx3-ubyte", idx_images(1));
  write_plain(folder / "t10k-labels.idx1-ubyte", idx_labels({1}));
  // The labels' file is looked for under the images' name.
  EXPECT_THAT(read_image_data(folder.path()).train.labels, ElementsAre(0, 1));
}

TEST(ImageData, FashionMnistHasItsClassNames) {
  const TemporaryFolder folder;
  write_idx_folder(folder / "fashion", "", "t10k", {9, 0});
  EXPECT_EQ(read_image_data(folder / "fashion").classes[9], "Ankle boot");
}

TEST(ImageData, EmnistIsPutUprightAndNamedByItsMapping) {
  const TemporaryFolder folder;
  write_idx_folder(folder / "e", "emnist-letters-", "test", {1, 3, 2});
  write_plain(folder / "e" / "emnist-letters-mapping.txt", "1 65 97\n");
  write_plain(folder / "e" / "emnist-letters-mapping.txt", "1 65\n2 66\n3 67\n");
  const ImageData data = read_image_data(folder / "e");
  EXPECT_EQ(data.name, "emnist-letters");
  EXPECT_THAT(data.classes, ElementsAre("A", "B", "C"));  // counted from 1 in the files
  EXPECT_THAT(data.train.labels, ElementsAre(0, 2, 1));
  EXPECT_EQ(data.train.shape.height, width);
  EXPECT_EQ(data.train.shape.width, height);
  EXPECT_EQ(data.train.pixels[1 * height + 0], 255);
}

TEST(ImageData, OfSeveralEmnistSplitsBalancedIsTaken) {
  const TemporaryFolder folder;
  write_idx_folder(folder / "e", "emnist-balanced-", "test", {0, 1, 46});
  write_idx_folder(folder / "e", "emnist-byclass-", "test", {0, 61});
  write_idx_folder(folder / "e", "emnist-aaa-", "test", {0, 5});
  const ImageData data = read_image_data(folder / "e");
  EXPECT_EQ(data.name, "emnist-balanced");
  EXPECT_EQ(data.classes.size(), 47u);
}

TEST(ImageData, ReadsCifarWithChannelsLast) {
  const TemporaryFolder folder;
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    std::string record(1, '\x07');
    for (const char value : {'\x0a', '\x14', '\x1e'}) record += std::string(1024, value);
    write_plain(folder / (std::string(name) + ".bin"), record + record);
  }
  const ImageData data = read_image_data(folder.path());
  EXPECT_EQ(data.train.count(), 10);
  EXPECT_EQ(data.test.count(), 2);
  EXPECT_EQ(data.train.labels[0], 7);
  EXPECT_EQ(data.classes[7], "horse");
  EXPECT_THAT(std::vector<uint8_t>(data.train.pixels.begin(), data.train.pixels.begin() + 4),
              ElementsAre(10, 20, 30, 10));
  const Matrix image = gather_images(data.train, std::vector<int32_t>{0});
  EXPECT_FLOAT_EQ(image(0, 0), 10.f / 255);
  EXPECT_FLOAT_EQ(image(0, 1024), 20.f / 255);  // NCHW
  EXPECT_EQ(to_pixels(image, data.train.shape),
            std::vector<uint8_t>(data.train.pixels.begin(), data.train.pixels.begin() + 3072));
}

TEST(ImageData, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto error = [&] { return error_of([&] { read_image_data(folder / "d"); }); };
  EXPECT_THAT(error(), HasSubstr("check --data"));
  fs::create_directories(folder / "d");
  EXPECT_THAT(error(), AllOf(HasSubstr("IDX"), HasSubstr("CIFAR-10")));
  write_idx_folder(folder / "d", "", "t10k", {0, 1, 0});
  write_gz(folder / "d" / "train-labels-idx1-ubyte.gz", idx_labels({0, 1}));
  EXPECT_THAT(error(), AllOf(HasSubstr("train-labels"), HasSubstr("3 images"), HasSubstr("found 2")));
  write_gz(folder / "d" / "train-labels-idx1-ubyte.gz", idx_labels({0, 1, 0}).substr(0, 10));
  EXPECT_THAT(error(), AllOf(HasSubstr("train-labels"), HasSubstr("expected 3 bytes"), HasSubstr("found 2")));
  write_gz(folder / "d" / "train-labels-idx1-ubyte.gz", "hello");
  EXPECT_THAT(error(), HasSubstr("expected an IDX file"));
  fs::remove(folder / "d" / "train-labels-idx1-ubyte.gz");
  EXPECT_THAT(error(), HasSubstr("train-labels"));
  fs::remove(folder / "d" / "t10k-images-idx3-ubyte.gz");
  EXPECT_THAT(error(), HasSubstr("t10k-images-idx3-ubyte"));
}

TEST(ImageData, ADamagedArchiveIsAnError) {
  const TemporaryFolder folder;
  write_idx_folder(folder / "d", "", "t10k", {0, 1, 0});
  const auto file = folder / "d" / "train-images-idx3-ubyte.gz";
  fs::resize_file(file, fs::file_size(file) - 9);
  EXPECT_THAT(error_of([&] { read_image_data(folder / "d"); }), HasSubstr("train-images-idx3-ubyte.gz"));
}

TEST(ImageData, ASubsetIsDrawnWithoutReplacementAndTheSameForASeed) {
  ImageSet set{{1, 1, 1}, {}, {}};
  for (int i = 0; i < 100; ++i) {
    set.pixels.push_back(static_cast<uint8_t>(i));
    set.labels.push_back(i);
  }
  const ImageSet a = random_subset(set, 40, 5), b = random_subset(set, 40, 5), c = random_subset(set, 40, 6);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_NE(a.labels, c.labels);
  std::vector<int32_t> sorted = a.labels;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (size_t i = 0; i < 40; ++i) EXPECT_EQ(a.pixels[i], a.labels[i]);
}

}  // namespace
}  // namespace dvi
