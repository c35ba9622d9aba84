#include "vis/torch_distiller.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/accumulate.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "vis/torch/device_steps.h"

namespace dvi {
namespace {

using at::Tensor;

/// LibTorch has no read-only tensors; ours is not written to.
template <typename T>
Tensor upload(const T* data, at::IntArrayRef shape, at::ScalarType type, at::Device device) {
  return at::from_blob(const_cast<T*>(data), shape, type).clone().to(device);
}
Tensor upload(MatrixView m, at::Device device) {
  return upload(m.data, {m.rows, m.cols}, at::kFloat, device);
}

/// A network whose parameters, and their gradient, are a part of one flat tensor, laid out as
/// Mlp::parameters(). Its backward pass is written out: autograd would copy each layer's gradient into the
/// flat one, and that takes several times as many kernels.
class FlatNetwork {
 public:
  FlatNetwork(const Mlp& mlp, const Tensor& parameters, const Tensor& gradient) {
    const float* origin = mlp.parameters().data();
    const auto part = [](const Tensor& all, int64_t begin, at::IntArrayRef shape) {
      return all.narrow(0, begin, c10::multiply_integers(shape)).view(shape);
    };
    for (int l = 0; l < mlp.layers(); ++l) {
      const MatrixView w = mlp.weight(l);
      const int64_t weight = w.data - origin, bias = mlp.bias(l).data() - origin;
      layers_.push_back({part(parameters, weight, {w.rows, w.cols}), part(parameters, bias, {w.rows}),
                         part(gradient, weight, {w.rows, w.cols}), part(gradient, bias, {w.rows})});
    }
  }

  Tensor forward(Tensor x) {
    inputs_.clear();
    for (const Layer& layer : layers_) {
      inputs_.push_back(x);
      x = &layer == &layers_.back() ? at::addmm(layer.bias, x, layer.weight.t())
                                    : at::_addmm_activation(layer.bias, x, layer.weight.t());  // ReLU
    }
    return x;
  }

  /// Writes the parameters' gradient, from the output's, at the place of the last forward pass.
  void backward(Tensor gradient) {
    for (size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      at::mm_out(layer.weight_gradient, gradient.t(), inputs_[l]);
      at::sum_out(layer.bias_gradient, gradient, at::IntArrayRef{0});
      if (l > 0) gradient = at::threshold_backward(gradient.mm(layer.weight), inputs_[l], 0);
    }
    inputs_.clear();
  }

 private:
  struct Layer {
    Tensor weight, bias, weight_gradient, bias_gradient;
  };
  std::vector<Layer> layers_;
  std::vector<Tensor> inputs_;  // of each layer
};

/// Both networks' parameters in one tensor, so that a step of Adam (vis/adam.h, with the same constants) is a
/// handful of operations for both.
class FlatParameters {
 public:
  FlatParameters(const Autoencoder& model, at::Device device)
      : encoder_size_(static_cast<int64_t>(model.encoder.parameters().size())),
        decoder_size_(static_cast<int64_t>(model.decoder.parameters().size())),
        decoder_begin_((encoder_size_ + alignment - 1) / alignment * alignment) {
    values = at::zeros({decoder_begin_ + decoder_size_}, at::TensorOptions(device).dtype(at::kFloat));
    gradient = at::zeros_like(values);
    mean_ = at::zeros_like(values);
    square_ = at::zeros_like(values);
    encoder_of(values).copy_(upload(model.encoder.parameters().data(), {encoder_size_}, at::kFloat, device));
    decoder_of(values).copy_(upload(model.decoder.parameters().data(), {decoder_size_}, at::kFloat, device));
  }

  Tensor encoder_of(const Tensor& all) const { return all.narrow(0, 0, encoder_size_); }
  Tensor decoder_of(const Tensor& all) const { return all.narrow(0, decoder_begin_, decoder_size_); }

  /// What adam() needs of each step, [steps, 2]. With a = 1 / (1 - beta2^t) a step of size s,
  /// s mean / (sqrt(a square) + epsilon), is s / sqrt(a) mean / (sqrt(square) + epsilon / sqrt(a)).
  static Tensor factors(const std::vector<double>& rates, at::Device device) {
    std::vector<float> out;
    for (size_t i = 0; i < rates.size(); ++i) {
      const auto t = static_cast<double>(i + 1);
      const double root = std::sqrt(1 - std::pow(beta2, t));
      out.push_back(static_cast<float>(rates[i] / (1 - std::pow(beta1, t)) * root));
      out.push_back(static_cast<float>(epsilon * root));
    }
    return upload(out.data(), {static_cast<int64_t>(rates.size()), 2}, at::kFloat, device);
  }

  /// `factors`: [1, 2] of this step.
  void adam(const Tensor& factors) {
    mean_.lerp_(gradient, 1 - beta1);
    square_.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    values.addcmul_(mean_.div(square_.sqrt().add_(factors.select(1, 1))), factors.select(1, 0), -1);
  }

  void download(Autoencoder& model) const {
    const Tensor host = values.cpu();
    const float* from = host.data_ptr<float>();
    std::copy_n(from, encoder_size_, model.encoder.parameters().data());
    std::copy_n(from + decoder_begin_, decoder_size_, model.decoder.parameters().data());
  }

  Tensor values, gradient;

 private:
  static constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  static constexpr int64_t alignment = 64;  // floats; products of unaligned matrices are slower
  int64_t encoder_size_, decoder_size_, decoder_begin_;
  Tensor mean_, square_;
};

class Distiller {
 public:
  Distiller(const DistillProblem& problem, const DistillSchedule& schedule, const Autoencoder& model,
            at::Device device)
      : parameters_(model, device),
        encoder_(model.encoder, parameters_.encoder_of(parameters_.values),
                 parameters_.encoder_of(parameters_.gradient)),
        decoder_(model.decoder, parameters_.decoder_of(parameters_.values),
                 parameters_.decoder_of(parameters_.gradient)),
        features_(upload(problem.features, device)),
        positions_(upload(problem.positions, device)),
        sources_(upload(problem.sources.data(), {problem.places.rows}, at::kInt, device)),
        places_(upload(problem.places, device)),
        targets_(at::log_softmax(upload(problem.logits, device).mul_(problem.sharpness), 1)),
        head_weight_(upload(problem.head_weight, device).mul_(problem.sharpness)),
        head_bias_(upload(problem.head_bias.data(), {problem.head_weight.rows}, at::kFloat, device)
                       .mul_(problem.sharpness)),
        reconstruction_weight_(problem.reconstruction_weight),
        batch_(schedule.batch),
        step_(at::zeros({1}, at::TensorOptions(device).dtype(at::kLong))),
        rows_(upload(schedule.rows.data(), {schedule.steps(), batch_}, at::kInt, device)),
        factors_(FlatParameters::factors(schedule.rates, device)),
        losses_(at::zeros({schedule.steps(), 3}, features_.options())) {
    if (problem.jitter > 0) {
      at::manual_seed(problem.seed);
      jitter_ = at::randn({schedule.steps(), batch_, 2}, features_.options()).mul_(problem.jitter);
    }
  }

  void step(DeviceSteps& steps) {
    const Tensor rows = rows_.index_select(0, step_).view({batch_});
    const Tensor sources = sources_.index_select(0, rows);
    const Tensor features = features_.index_select(0, sources),
                 positions = positions_.index_select(0, sources);
    Tensor encoder_loss, decoder_loss, divergence;
    steps.beside([&] { encoder_loss = fit_encoder(features, positions); },
                 [&] { std::tie(decoder_loss, divergence) = fit_decoder(rows, sources, features); });
    parameters_.adam(factors_.index_select(0, step_));
    losses_.index_copy_(0, step_, at::stack({encoder_loss, decoder_loss, divergence}).view({1, 3}));
    step_.add_(1);
  }

  DistillLosses finish(const DistillSchedule& schedule, Autoencoder& model) const {
    parameters_.download(model);
    const Tensor sums = losses_.slice(0, schedule.last_pass).cpu().to(at::kDouble).sum(0);
    const double* sum = sums.data_ptr<double>();
    return {sum[0] / 2, sum[1] / 16, sum[2]};
  }

 private:
  /// Gradient of half the squared error's mean; returns the squared error's sum.
  Tensor fit_encoder(const Tensor& features, const Tensor& positions) {
    const Tensor error = encoder_.forward(features).sub_(positions);
    const Tensor loss = squares(error);
    encoder_.backward(error.div_(static_cast<double>(batch_)));
    return loss;
  }

  /// Squared error over 16 dimensions, in which the units make the features' variance 1 (vis/distill.cpp),
  /// and divergence from the classifier's distributions. Returns the sums of squared errors and divergences.
  std::pair<Tensor, Tensor> fit_decoder(const Tensor& rows, const Tensor& sources, const Tensor& features) {
    Tensor places = places_.index_select(0, rows);
    if (jitter_.defined()) places.add_(jitter_.index_select(0, step_).view({batch_, 2}));
    const Tensor decoded = decoder_.forward(places);
    const Tensor logits = at::log_softmax(at::addmm(head_bias_, decoded, head_weight_.t()), 1);
    const Tensor target = targets_.index_select(0, sources), share = target.exp();
    const Tensor divergence = (target - logits).mul_(share).sum();
    const Tensor error = decoded - features;
    const Tensor loss = squares(error);
    const auto count = static_cast<double>(batch_);
    decoder_.backward(at::addmm(error, logits.exp().sub_(share), head_weight_,
                                reconstruction_weight_ / 8 / count, 1 / count));
    return {loss, divergence};
  }

  static Tensor squares(const Tensor& x) { return x.square().sum(); }

  FlatParameters parameters_;
  FlatNetwork encoder_, decoder_;
  Tensor features_, positions_, sources_, places_, targets_, head_weight_, head_bias_;
  double reconstruction_weight_;
  int64_t batch_;
  Tensor step_;                              // [1], how many steps have been taken
  Tensor rows_, factors_, jitter_, losses_;  // by step
};

/// LibTorch's messages carry a stack trace; users need the first line.
std::string first_line(const c10::Error& error) {
  std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

std::string device() { return torch::cuda::is_available() ? "cuda" : "cpu"; }

DistillLosses train(const DistillProblem& problem, const DistillSchedule& schedule, bool capture,
                    Autoencoder& model, const std::function<void(int64_t)>& on_step) {
  const bool cuda = torch::cuda::is_available();
  using How = DeviceSteps::How;
  try {
    const c10::InferenceMode no_gradients;
    Distiller distiller(problem, schedule, model, cuda ? at::kCUDA : at::kCPU);
    DeviceSteps steps(!cuda ? How::host : capture ? How::captured : How::eager);
    steps.run(
        schedule.steps(), [&] { distiller.step(steps); }, on_step);
    return distiller.finish(schedule, model);
  } catch (const c10::Error& error) {
    fail(
        "training through LibTorch on \"{}\" failed: \"{}\"; free memory on the device, or set "
        "CUDA_VISIBLE_DEVICES= to train on the processor",
        cuda ? "cuda" : "cpu", first_line(error));
  }
}

const decltype(torch_device)::Implementation device_implementation(torch_device, device);
const decltype(distill_with_torch)::Implementation train_implementation(distill_with_torch, train);

}  // namespace
}  // namespace dvi
