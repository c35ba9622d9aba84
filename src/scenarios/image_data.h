// Labelled images from the files that data sets of this kind are distributed as.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"

namespace dvi {

struct ImageShape {
  int64_t height = 0, width = 0, channels = 1;
  int64_t size() const { return height * width * channels; }
};

struct ImageSet {
  ImageShape shape;
  std::vector<uint8_t> pixels;  ///< [count, height, width, channels]
  std::vector<int32_t> labels;
  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

struct ImageData {
  std::string name;  ///< e.g. "fashion-mnist"
  std::vector<std::string> classes;
  ImageSet train, test;
};

/// Debian's package dataset-fashion-mnist.
extern const std::filesystem::path default_image_folder;

/// Reads the data set in `folder`, told by its files:
/// - IDX (MNIST, Fashion-MNIST): train-images-idx3-ubyte, t10k-images-idx3-ubyte and their
/// -labels-idx1-ubyte, gzipped or
///   not (http://yann.lecun.com/exdb/mnist/). Classes are named after their numbers; Fashion-MNIST, told by
///   the folder's name, gets its own names.
/// - EMNIST's IDX files (emnist-SPLIT-train-images-idx3-ubyte, ...): images are stored transposed and are put
/// upright;
///   of several splits "balanced" (47 classes) is taken. Classes are named by emnist-SPLIT-mapping.txt.
/// - CIFAR-10's binary version: data_batch_1.bin to data_batch_5.bin, test_batch.bin, batches.meta.txt
///   (https://www.cs.toronto.edu/~kriz/cifar.html).
/// Throws Error naming the file for anything missing or malformed.
ImageData read_image_data(const std::filesystem::path& folder);

/// `count` samples drawn without replacement, in drawn order; all of them, as they are, if there are no more.
ImageSet random_subset(const ImageSet&, int64_t count, uint64_t seed);

/// The chosen images as a classifier sees them: [ids, channels * height * width], NCHW, in [0, 1].
Matrix gather_images(const ImageSet&, std::span<const int32_t> ids);

/// The inverse: floats in [0, 1] to pixels [rows, height, width, channels], rounded.
std::vector<uint8_t> to_pixels(MatrixView images, const ImageShape&);

}  // namespace dvi
