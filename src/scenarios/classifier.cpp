#include "scenarios/classifier.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/optim/adam.h>
#include <torch/script.h>

#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"

namespace dvi {
namespace {

using torch::Tensor;

// What is recorded; Network::layers() below computes the same for training.
const char* const source = R"(
def features(self, x):
    x = torch.relu(torch.conv2d(x, self.conv1_weight, self.conv1_bias, [2, 2], [2, 2]))
    x = torch.relu(torch.conv2d(x, self.conv2_weight, self.conv2_bias, [1, 1], [1, 1]))
    x = torch.flatten(torch.max_pool2d(x, [2, 2]), 1)
    return torch.relu(torch.linear(x, self.linear_weight, self.linear_bias))
def head(self, f):
    return torch.linear(f, self.head_weight, self.head_bias)
def forward(self, x):
    return self.head(self.features(x))
)";

constexpr int64_t channels1 = 16, channels2 = 32, loss_width = 64;
constexpr int64_t images_a_batch = 500;
// Learning loss: predicted losses of a pair are to differ by this much, in the right order.
constexpr double ranking_margin = 1.0;

Tensor as_tensor(MatrixView m) {
  // LibTorch has no read-only tensors; ours is not written to.
  return torch::from_blob(const_cast<float*>(m.data), {m.rows, m.cols}, torch::kFloat32);
}

Tensor as_tensor(std::span<const int32_t> labels) {
  return torch::from_blob(const_cast<int32_t*>(labels.data()), {static_cast<int64_t>(labels.size())},
                          torch::kInt32)
      .to(torch::kInt64);
}

/// The pool of core/parallel.h leaves OpenMP single-threaded in this thread.
void use_all_threads() {
  if (at::get_num_threads() != threads()) at::set_num_threads(threads());
}

}  // namespace

struct Classifier::Network {
  struct Layer {
    Tensor weight, bias;
  };
  struct Outputs {
    Tensor hidden1, hidden2, features, logits;
  };

  explicit Network(const Options& o) : options(o) {
    // Sides halve twice; an odd one is rounded up by the padded convolution and down by the pool.
    const int64_t height = (o.shape.height + 1) / 2 / 2, width = (o.shape.width + 1) / 2 / 2;
    Random random(o.seed, 11);
    conv1 = make_layer({channels1, o.shape.channels, 5, 5}, random);
    conv2 = make_layer({channels2, channels1, 3, 3}, random);
    linear = make_layer({feature_dim, channels2 * height * width}, random);
    head = make_layer({o.classes, feature_dim}, random);
    if (o.predict_loss) {
      for (const int64_t in : {channels1, channels2, feature_dim})
        loss_inputs.push_back(make_layer({loss_width, in}, random));
      loss_output = make_layer({1, 3 * loss_width}, random);
    }
    std::vector<Tensor> parameters;
    for (const auto& layer : all_layers()) {
      parameters.push_back(layer.weight);
      parameters.push_back(layer.bias);
    }
    optimizer = std::make_unique<torch::optim::Adam>(parameters, torch::optim::AdamOptions(1e-3));
  }

  /// He's uniform initialisation, from our own random numbers: the same for every version of LibTorch.
  static Layer make_layer(const std::vector<int64_t>& shape, Random& random) {
    int64_t inputs = 1;
    for (size_t i = 1; i < shape.size(); ++i) inputs *= shape[i];
    const double bound = std::sqrt(3.0 / static_cast<double>(inputs));
    Layer layer{torch::empty(shape), torch::zeros({shape[0]})};
    float* values = layer.weight.data_ptr<float>();
    for (int64_t i = 0; i < layer.weight.numel(); ++i)
      values[i] = static_cast<float>(bound * (2 * random.uniform() - 1));
    layer.weight.set_requires_grad(true);
    layer.bias.set_requires_grad(true);
    return layer;
  }

  std::vector<Layer> all_layers() const {
    std::vector<Layer> layers{conv1, conv2, linear, head};
    layers.insert(layers.end(), loss_inputs.begin(), loss_inputs.end());
    if (options.predict_loss) layers.push_back(loss_output);
    return layers;
  }

  Tensor as_images(MatrixView m) const {
    return as_tensor(m).view({m.rows, options.shape.channels, options.shape.height, options.shape.width});
  }

  Outputs forward(const Tensor& images) const {
    const auto type = uses_bfloat16() ? torch::kBFloat16 : torch::kFloat32;
    const auto w = [&](const Layer& layer) { return layer.weight.to(type); };
    const auto b = [&](const Layer& layer) { return layer.bias.to(type); };
    Outputs out;
    out.hidden1 = torch::relu(torch::conv2d(images.to(type), w(conv1), b(conv1), 2, 2));
    out.hidden2 = torch::relu(torch::conv2d(out.hidden1, w(conv2), b(conv2), 1, 1));
    out.features = torch::relu(
        torch::linear(torch::flatten(torch::max_pool2d(out.hidden2, 2), 1), w(linear), b(linear)));
    out.logits = torch::linear(out.features, w(head), b(head)).to(torch::kFloat32);
    return out;
  }

  /// [n], from the layers' outputs (averaged over the image).
  Tensor predict_losses(const Outputs& out) const {
    const Tensor inputs[] = {out.hidden1.to(torch::kFloat32).mean({2, 3}),
                             out.hidden2.to(torch::kFloat32).mean({2, 3}), out.features.to(torch::kFloat32)};
    std::vector<Tensor> hidden;
    for (size_t i = 0; i < 3; ++i)
      hidden.push_back(torch::relu(torch::linear(inputs[i], loss_inputs[i].weight, loss_inputs[i].bias)));
    return torch::linear(torch::cat(hidden, 1), loss_output.weight, loss_output.bias).squeeze(1);
  }

  /// Halves of the batch form pairs; a pair costs nothing once its predictions are in the right order and
  /// apart.
  Tensor ranking_loss(const Tensor& predicted, const Tensor& losses) const {
    const int64_t half = predicted.size(0) / 2;
    const Tensor target = losses.detach();
    const Tensor sign = (target.slice(0, 0, half) - target.slice(0, half, 2 * half)).sign();
    const Tensor difference = predicted.slice(0, 0, half) - predicted.slice(0, half, 2 * half);
    return torch::relu(ranking_margin - sign * difference).mean();
  }

  Options options;
  Layer conv1, conv2, linear, head, loss_output;
  std::vector<Layer> loss_inputs;
  std::unique_ptr<torch::optim::Adam> optimizer;
};

Classifier::Classifier(const Options& options) : network_(std::make_unique<Network>(options)) {}
Classifier::~Classifier() = default;

bool Classifier::uses_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

double Classifier::train_step(MatrixView images, std::span<const int32_t> labels, double learning_rate) {
  use_all_threads();
  static_cast<torch::optim::AdamOptions&>(network_->optimizer->param_groups()[0].options()).lr(learning_rate);
  const auto out = network_->forward(network_->as_images(images));
  const Tensor losses = at::cross_entropy_loss(out.logits, as_tensor(labels), {}, at::Reduction::None);
  Tensor loss = losses.mean();
  const double mean = loss.item<double>();
  if (!std::isfinite(mean))
    fail("training the classifier: expected a finite loss, found {}; try another --seed", mean);
  if (network_->options.predict_loss && images.rows >= 2)
    loss = loss + network_->ranking_loss(network_->predict_losses(out), losses);
  network_->optimizer->zero_grad();
  loss.backward();
  network_->optimizer->step();
  return mean;
}

Matrix Classifier::attack(MatrixView images, std::span<const int32_t> labels, const Attack& attack,
                          uint64_t seed) const {
  use_all_threads();
  Matrix moved(images.rows, images.cols);
  for (int64_t begin = 0; begin < images.rows; begin += images_a_batch) {
    const int64_t n = std::min(images_a_batch, images.rows - begin);
    const Tensor x = network_->as_images(images.slice(begin, n));
    const Tensor y = as_tensor(labels.subspan(begin, n));
    Tensor start = torch::empty_like(x);
    Random random(seed, static_cast<uint64_t>(begin));
    for (int64_t i = 0; i < start.numel(); ++i)
      start.data_ptr<float>()[i] = attack.radius * static_cast<float>(2 * random.uniform() - 1);
    const Tensor low = (x - attack.radius).clamp_min(0), high = (x + attack.radius).clamp_max(1);
    Tensor at = (x + start).clamp(0, 1);
    for (int step = 0; step < attack.steps; ++step) {
      at = at.detach().requires_grad_(true);
      const Tensor loss = at::cross_entropy_loss(network_->forward(at).logits, y, {}, at::Reduction::Sum);
      const Tensor gradient = torch::autograd::grad({loss}, {at})[0];
      at = torch::min(torch::max(at.detach() + attack.step * gradient.sign(), low), high);
    }
    std::copy_n(at.contiguous().data_ptr<float>(), n * images.cols, moved.row(begin));
  }
  return moved;
}

std::vector<float> Classifier::predicted_losses(MatrixView images) const {
  use_all_threads();
  const torch::NoGradGuard no_gradients;
  std::vector<float> losses;
  for (int64_t begin = 0; begin < images.rows; begin += images_a_batch) {
    const int64_t n = std::min(images_a_batch, images.rows - begin);
    const Tensor predicted =
        network_->predict_losses(network_->forward(network_->as_images(images.slice(begin, n)))).contiguous();
    losses.insert(losses.end(), predicted.data_ptr<float>(), predicted.data_ptr<float>() + n);
  }
  return losses;
}

void Classifier::save(const std::filesystem::path& file) const {
  torch::jit::Module module("Classifier");
  const auto add = [&](const std::string& name, const Network::Layer& layer) {
    module.register_parameter(name + "_weight", layer.weight.detach(), false);
    module.register_parameter(name + "_bias", layer.bias.detach(), false);
  };
  add("conv1", network_->conv1);
  add("conv2", network_->conv2);
  add("linear", network_->linear);
  add("head", network_->head);
  module.define(source);
  try {
    module.save(file.string());
  } catch (const std::exception&) {
    fail("{}: expected to write the classifier, found that it cannot be written; is the disk full?",
         file.string());
  }
}

}  // namespace dvi
