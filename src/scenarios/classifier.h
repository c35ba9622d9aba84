// The convolutional classifier that all scenarios train, and what they do with it beyond training.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "scenarios/image_data.h"

namespace dvi {

/// Projected gradient descent (Madry et al., ICLR 2018): `steps` steps of `step` along the sign of the loss's
/// gradient from a random start, kept within `radius` of the image in every pixel and within [0, 1].
struct Attack {
  float radius = 0.1f, step = 0.025f;
  int steps = 10;
};

/// conv 5x5, 16, stride 2 - ReLU - conv 3x3, 32 - ReLU - max pool 2 - linear 512 - ReLU | linear C.
/// The bar is where `features` ends and `head` begins. 1.8 million multiplications an image of 28 x 28:
/// small, because the visualization passes hundreds of thousands of mixed images through it. Trained by Adam.
///
/// Images are [n, channels * height * width], NCHW, in [0, 1]. The same seed and number of threads give the
/// same classifier. Products are done in bfloat16 (weights and their updates stay float32) where the
/// processor has instructions for it.
class Classifier {
 public:
  static constexpr int64_t feature_dim = 512;

  struct Options {
    ImageShape shape;
    int64_t classes = 10;
    uint64_t seed = 1;
    /// Adds a small network that predicts the loss of each sample from the layers' outputs and is trained
    /// along (Yoo & Kweon, Learning Loss for Active Learning, CVPR 2019).
    bool predict_loss = false;
  };
  explicit Classifier(const Options&);
  ~Classifier();

  /// One step of Adam; returns the mean cross-entropy before it.
  double train_step(MatrixView images, std::span<const int32_t> labels, double learning_rate);
  /// Images moved so that they are misclassified, if that can be had.
  Matrix attack(MatrixView images, std::span<const int32_t> labels, const Attack&, uint64_t seed) const;
  /// One predicted loss an image; the option predict_loss must be set.
  std::vector<float> predicted_losses(MatrixView images) const;
  /// Writes a TorchScript file with the methods features, head and forward, all in float32.
  void save(const std::filesystem::path&) const;

  /// Whether training uses bfloat16 on this processor.
  static bool uses_bfloat16();

 private:
  struct Network;
  std::unique_ptr<Network> network_;
};

}  // namespace dvi
