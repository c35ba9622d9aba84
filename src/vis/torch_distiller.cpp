#include "vis/torch_distiller.h"

#if DVI_WITH_TORCH

#include <torch/torch.h>

#include <cmath>

namespace dvi {
namespace {

/// A network whose parameters are one flat tensor, laid out as Mlp::parameters(), so that a step of Adam is a
/// handful of operations on three vectors.
class FlatNetwork {
 public:
  FlatNetwork(const Mlp& mlp, torch::Device device) : parameters_(upload(mlp.parameters(), device)) {
    const float* origin = mlp.parameters().data();
    for (int l = 0; l < mlp.layers(); ++l)
      layers_.push_back(
          {mlp.weight(l).data - origin, mlp.bias(l).data() - origin, mlp.weight(l).rows, mlp.weight(l).cols});
    parameters_.requires_grad_();
    mean_ = torch::zeros_like(parameters_);
    square_ = torch::zeros_like(parameters_);
  }

  torch::Tensor operator()(torch::Tensor x) const {
    for (size_t l = 0; l < layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      const auto weight =
          parameters_.narrow(0, layer.weight, layer.out * layer.in).view({layer.out, layer.in});
      x = torch::addmm(parameters_.narrow(0, layer.bias, layer.out), x, weight.t());
      if (l + 1 < layers_.size()) x = x.relu();
    }
    return x;
  }

  /// vis/adam.h, with the same constants.
  void adam(double rate) {
    const torch::NoGradGuard no_grad;
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    ++steps_;
    const auto gradient = parameters_.grad();
    mean_.mul_(beta1).add_(gradient, 1 - beta1);
    square_.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const auto scale = square_.div(1 - std::pow(beta2, steps_)).sqrt_().add_(epsilon);
    parameters_.addcdiv_(mean_, scale, -rate / (1 - std::pow(beta1, steps_)));
    gradient.zero_();
  }

  void download(std::span<float> parameters) const {
    const auto host = parameters_.detach().cpu();
    std::copy_n(host.data_ptr<float>(), parameters.size(), parameters.data());
  }

 private:
  static torch::Tensor upload(std::span<const float> values, torch::Device device) {
    return torch::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())})
        .clone()
        .to(device);
  }

  struct Layer {
    int64_t weight, bias, out, in;
  };
  std::vector<Layer> layers_;
  torch::Tensor parameters_, mean_, square_;
  int steps_ = 0;
};

class Distiller final : public TorchDistiller {
 public:
  Distiller(const DistillProblem& problem, const Autoencoder& model, torch::Device device)
      : device_(device),
        encoder_(model.encoder, device),
        decoder_(model.decoder, device),
        features_(upload(problem.features)),
        positions_(upload(problem.positions)),
        targets_(upload(problem.logits).mul_(problem.sharpness).log_softmax(1)),
        head_weight_(upload(problem.head_weight)),
        head_bias_(upload({problem.head_bias.data(), 1, static_cast<int64_t>(problem.head_bias.size())})[0]),
        sharpness_(problem.sharpness),
        jitter_(problem.jitter),
        reconstruction_weight_(problem.reconstruction_weight) {
    torch::manual_seed(problem.seed);
  }

  void begin_pass(std::span<const int32_t> rows) override {
    rows_ = torch::from_blob(const_cast<int32_t*>(rows.data()), {static_cast<int64_t>(rows.size())},
                             torch::kInt32)
                .to(torch::kInt64)
                .to(device_);
    sums_ = torch::zeros({3}, torch::TensorOptions().device(device_).dtype(torch::kFloat64));
  }

  void step(int64_t begin, int64_t count, double learning_rate) override {
    const auto rows = rows_.narrow(0, begin, count);
    const auto features = features_.index_select(0, rows), positions = positions_.index_select(0, rows);
    // Half a squared error for the encoder; for the decoder a mean over 16 dimensions, in which the units
    // make the features' variance 1 (vis/distill.cpp).
    const auto encoder_loss = (encoder_(features) - positions).square().sum() / 2;
    auto places = positions;
    if (jitter_ > 0) places = positions + jitter_ * torch::randn_like(positions);
    const auto decoded = decoder_(places);
    const auto decoder_loss = (decoded - features).square().sum() / 16;
    const auto logits = torch::addmm(head_bias_, decoded, head_weight_.t()) * sharpness_;
    const auto target = targets_.index_select(0, rows);
    const auto divergence = (target.exp() * (target - logits.log_softmax(1))).sum();
    ((encoder_loss + reconstruction_weight_ * decoder_loss + divergence) / static_cast<double>(count))
        .backward();
    encoder_.adam(learning_rate);
    decoder_.adam(learning_rate);
    sums_ += torch::stack({encoder_loss, decoder_loss, divergence}).detach().to(torch::kFloat64);
  }

  Losses finish(Autoencoder& model) override {
    encoder_.download(model.encoder.parameters());
    decoder_.download(model.decoder.parameters());
    const auto sums = sums_.cpu();
    return {sums[0].item<double>(), sums[1].item<double>(), sums[2].item<double>()};
  }

  std::string device() const override { return device_.is_cuda() ? "cuda" : "cpu"; }

 private:
  torch::Tensor upload(MatrixView m) const {
    return torch::from_blob(const_cast<float*>(m.data), {m.rows, m.cols}).clone().to(device_);
  }

  torch::Device device_;
  FlatNetwork encoder_, decoder_;
  torch::Tensor features_, positions_, targets_, head_weight_, head_bias_;
  float sharpness_, jitter_, reconstruction_weight_;
  torch::Tensor rows_, sums_;
};

}  // namespace

std::unique_ptr<TorchDistiller> TorchDistiller::make(const DistillProblem& problem, const Autoencoder& model,
                                                     bool cuda_only) {
  const bool cuda = torch::cuda::is_available();
  if (cuda_only && !cuda) return nullptr;
  return std::make_unique<Distiller>(problem, model, torch::Device(cuda ? torch::kCUDA : torch::kCPU));
}

}  // namespace dvi

#else

namespace dvi {

std::unique_ptr<TorchDistiller> TorchDistiller::make(const DistillProblem&, const Autoencoder&, bool) {
  return nullptr;
}

}  // namespace dvi

#endif
