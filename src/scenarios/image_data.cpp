#include "scenarios/image_data.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace dvi {

namespace fs = std::filesystem;

const fs::path default_image_folder = "/usr/share/datasets/fashion-mnist";

namespace {

/// The whole file, unpacked if it is gzipped.
std::vector<uint8_t> read_bytes(const fs::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (!in) fail("{}: expected a readable file, found none; check the data folder", file.string());
  std::vector<uint8_t> bytes;
  while (true) {
    constexpr size_t piece = 1 << 20;
    const size_t size = bytes.size();
    bytes.resize(size + piece);
    const int got = gzread(in.get(), bytes.data() + size, piece);
    int error = Z_OK;  // a file that ends early shows only here
    gzerror(in.get(), &error);
    if (got < 0 || (error != Z_OK && error != Z_STREAM_END))
      fail("{}: expected a whole gzip file, found a damaged one; get it again", file.string());
    bytes.resize(size + static_cast<size_t>(got));
    if (got == 0) break;
  }
  return bytes;
}

/// An IDX array of bytes: two zero bytes, type 0x08, rank, then the sizes (big-endian), then the elements.
struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

IdxArray read_idx(const fs::path& file, size_t rank) {
  std::vector<uint8_t> bytes = read_bytes(file);
  const size_t header = 4 + 4 * rank;
  if (bytes.size() < header || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != rank)
    fail("{}: expected an IDX file of bytes with {} dimensions, found something else; get it again",
         file.string(), rank);
  IdxArray array;
  uint64_t size = 1;
  for (size_t i = 0; i < rank; ++i) {
    const uint8_t* p = bytes.data() + 4 + 4 * i;
    const uint32_t n = uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
    array.shape.push_back(n);
    size *= std::min<uint64_t>(n, 1u << 20);  // larger sizes cannot be right and could overflow
  }
  if (bytes.size() - header != size)
    fail("{}: expected {} bytes of data as its header says, found {}; get it again", file.string(), size,
         bytes.size() - header);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  array.values = std::move(bytes);
  return array;
}

void transpose_images(ImageSet& set) {
  std::vector<uint8_t> upright(set.pixels.size());
  const int64_t h = set.shape.width, w = set.shape.height;
  for (int64_t i = 0; i < set.count(); ++i)
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x) upright[(i * h + y) * w + x] = set.pixels[(i * w + x) * h + y];
  set.pixels = std::move(upright);
  set.shape.height = h;
  set.shape.width = w;
}

ImageSet read_idx_pair(const fs::path& images_file, const fs::path& labels_file) {
  IdxArray images = read_idx(images_file, 3), labels = read_idx(labels_file, 1);
  if (images.shape[0] != labels.shape[0])
    fail("{}: expected one label for each of the {} images, found {}; get the data set again",
         labels_file.string(), images.shape[0], labels.shape[0]);
  if (images.shape[1] < 8 || images.shape[2] < 8 || images.shape[0] < 1)
    fail("{}: expected images of at least 8 x 8 pixels, found {} of {} x {}", images_file.string(),
         images.shape[0], images.shape[1], images.shape[2]);
  ImageSet set;
  set.shape = {images.shape[1], images.shape[2], 1};
  set.pixels = std::move(images.values);
  set.labels.assign(labels.values.begin(), labels.values.end());
  return set;
}

/// Files of the folder whose names end like IDX image files, by name.
std::map<std::string, fs::path> idx_image_files(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    if (name.ends_with("images-idx3-ubyte") || name.ends_with("images.idx3-ubyte"))
      files[name] = entry.path();
  }
  return files;
}

fs::path labels_beside(const fs::path& images) {
  std::string name = images.filename().string();
  name.replace(name.rfind("images"), 6, "labels");
  name.replace(name.rfind("idx3"), 4, "idx1");
  return images.parent_path() / name;
}

/// EMNIST's mapping: "label code" a line, code being the character in ASCII.
std::vector<std::string> read_mapping(const fs::path& file, int32_t first, int32_t count) {
  std::vector<std::string> names(count);
  std::ifstream in(file);
  int32_t label, code;
  while (in >> label >> code)
    if (label >= first && label - first < count) names[label - first] = static_cast<char>(code);
  return names;
}

void name_idx_classes(ImageData& data, const fs::path& folder, const std::string& split) {
  int32_t first = 255, last = 0;
  for (const int32_t label : data.train.labels) {
    first = std::min(first, label);
    last = std::max(last, label);
  }
  // EMNIST's letters are counted from 1.
  first = std::min(first, 1);
  for (auto* set : {&data.train, &data.test})
    for (int32_t& label : set->labels) {
      if (label < first || label > last)
        fail("{}: expected the labels {} to {} of the training files in the test files too, found {}",
             folder.string(), first, last, label);
      label -= first;
    }
  const int32_t count = last - first + 1;
  if (count < 2) fail("{}: expected at least two classes, found {}", folder.string(), count);
  static constexpr std::array fashion{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  std::vector<std::string> mapped;
  if (!split.empty()) mapped = read_mapping(folder / ("emnist-" + split + "-mapping.txt"), first, count);
  for (int32_t c = 0; c < count; ++c) {
    const auto i = static_cast<size_t>(c);
    if (data.name == "fashion-mnist" && count == 10) {
      data.classes.emplace_back(fashion[i]);
    } else if (i < mapped.size() && !mapped[i].empty()) {
      data.classes.push_back(mapped[i]);
    } else {
      data.classes.push_back(std::to_string(c + first));
    }
  }
}

ImageData read_idx_folder(const fs::path& folder, const std::map<std::string, fs::path>& files) {
  std::string prefix, split;
  if (files.begin()->first.starts_with("emnist-")) {
    prefix = files.begin()->first.substr(0, files.begin()->first.find('-', 7) + 1);
    if (files.contains("emnist-balanced-train-images-idx3-ubyte")) prefix = "emnist-balanced-";
    split = prefix.substr(7, prefix.size() - 8);
  }
  const auto find = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      for (const char* ending : {"-images-idx3-ubyte", "-images.idx3-ubyte"})
        if (const auto it = files.find(prefix + name + ending); it != files.end()) return it->second;
    fail("{}: expected the file {}{}-images-idx3-ubyte or .gz, found none; complete the data set",
         folder.string(), prefix, *names.begin());
  };
  const auto train = find({"train"}), test = find({"t10k", "test"});
  ImageData data;
  data.train = read_idx_pair(train, labels_beside(train));
  data.test = read_idx_pair(test, labels_beside(test));
  if (!split.empty()) {
    transpose_images(data.train);
    transpose_images(data.test);
    data.name = "emnist-" + split;
  } else {
    const std::string name = fs::weakly_canonical(folder).string();
    data.name = name.find("fashion") != std::string::npos || name.find("Fashion") != std::string::npos
                    ? "fashion-mnist"
                    : "mnist";
  }
  name_idx_classes(data, folder, split);
  return data;
}

void append_cifar(const fs::path& file, ImageSet& set) {
  constexpr size_t area = 32 * 32, record = 1 + 3 * area;
  const std::vector<uint8_t> bytes = read_bytes(file);
  if (bytes.empty() || bytes.size() % record != 0)
    fail("{}: expected records of {} bytes (CIFAR-10's binary version), found {} bytes; get it again",
         file.string(), record, bytes.size());
  for (size_t at = 0; at < bytes.size(); at += record) {
    if (bytes[at] > 9)
      fail("{}: expected labels from 0 to 9, found {}; get it again", file.string(), bytes[at]);
    set.labels.push_back(bytes[at]);
    for (size_t p = 0; p < area; ++p)
      for (size_t c = 0; c < 3; ++c) set.pixels.push_back(bytes[at + 1 + c * area + p]);
  }
}

ImageData read_cifar_folder(const fs::path& folder) {
  ImageData data;
  data.name = "cifar-10";
  data.train.shape = data.test.shape = {32, 32, 3};
  for (int i = 1; i <= 5; ++i) append_cifar(folder / fmt::format("data_batch_{}.bin", i), data.train);
  append_cifar(folder / "test_batch.bin", data.test);
  data.classes = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return data;
}

}  // namespace

ImageData read_image_data(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail("{}: expected a folder with an image data set, found none; {}", folder.string(),
         folder == default_image_folder
             ? "install the package dataset-fashion-mnist, or name another folder with --data"
             : "check --data");
  }
  if (fs::exists(folder / "data_batch_1.bin")) return read_cifar_folder(folder);
  const auto files = idx_image_files(folder);
  if (files.empty())
    fail(
        "{}: expected IDX files (train-images-idx3-ubyte, ...) or CIFAR-10's data_batch_1.bin, found "
        "neither; check "
        "--data",
        folder.string());
  return read_idx_folder(folder, files);
}

ImageSet random_subset(const ImageSet& from, int64_t count, uint64_t seed) {
  if (count >= from.count()) return from;
  std::vector<int32_t> ids(from.count());
  std::iota(ids.begin(), ids.end(), 0);
  Random random(seed, 7);
  ImageSet set;
  set.shape = from.shape;
  for (int64_t i = 0; i < count; ++i) {
    const auto j = i + static_cast<int64_t>(random.below(static_cast<uint64_t>(from.count() - i)));
    std::swap(ids[i], ids[j]);
    const auto id = static_cast<size_t>(ids[i]);
    set.labels.push_back(from.labels[id]);
    const auto size = from.shape.size();
    const auto begin = from.pixels.begin() + static_cast<std::ptrdiff_t>(id) * size;
    set.pixels.insert(set.pixels.end(), begin, begin + size);
  }
  return set;
}

Matrix gather_images(const ImageSet& set, std::span<const int32_t> ids) {
  const int64_t size = set.shape.size(), channels = set.shape.channels,
                area = set.shape.height * set.shape.width;
  Matrix out(static_cast<int64_t>(ids.size()), size);
  for (int64_t i = 0; i < out.rows(); ++i) {
    const uint8_t* pixels = set.pixels.data() + int64_t{ids[i]} * size;
    float* row = out.row(i);
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < area; ++p)
        row[c * area + p] = static_cast<float>(pixels[p * channels + c]) * (1.f / 255);
  }
  return out;
}

std::vector<uint8_t> to_pixels(MatrixView images, const ImageShape& shape) {
  const int64_t channels = shape.channels, area = shape.height * shape.width;
  std::vector<uint8_t> pixels(images.rows * images.cols);
  for (int64_t i = 0; i < images.rows; ++i)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < area; ++p) {
        const float value = std::clamp(images(i, c * area + p), 0.f, 1.f);
        pixels[(i * area + p) * channels + c] = static_cast<uint8_t>(value * 255 + 0.5f);
      }
  return pixels;
}

}  // namespace dvi
