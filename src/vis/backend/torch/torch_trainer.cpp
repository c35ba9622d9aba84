#include "vis/backend/torch/torch_trainer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/accumulate.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "graph/backend/torch/device.h"
#include "vis/backend/torch/device_steps.h"
#include "vis/backend/torch/grid_places.h"
#include "vis/feature_units.h"

namespace dvi {
namespace {

using at::Tensor;

/// The parameters of a network or of feature grids in one flat tensor, so that a step of Adam (vis/adam.h,
/// with the same constants) is a handful of operations.
class FlatParameters {
 public:
  FlatParameters(std::span<const float> parameters, const std::vector<double>& shares, double rate,
                 at::Device device)
      : values(upload(parameters.data(), {static_cast<int64_t>(parameters.size())}, at::kFloat, device)),
        gradient(at::zeros_like(values)),
        mean_(at::zeros_like(values)),
        square_(at::zeros_like(values)),
        factors_(factors(shares, rate, device)) {}

  /// `step` [1]: how many steps have been taken.
  void adam(const Tensor& step) {
    const Tensor now = factors_.index_select(0, step);
    mean_.lerp_(gradient, 1 - beta1);
    square_.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    values.addcmul_(mean_.div(square_.sqrt().add_(now.select(1, 1))), now.select(1, 0), -1);
  }

  void download(std::span<float> parameters) const {
    const Tensor host = values.cpu();
    std::copy_n(host.data_ptr<float>(), parameters.size(), parameters.data());
  }

  Tensor values, gradient;

 private:
  /// What adam() needs of each step, [steps, 2]. With a = 1 / (1 - beta2^t) a step of size s,
  /// s mean / (sqrt(a square) + epsilon), is s / sqrt(a) mean / (sqrt(square) + epsilon / sqrt(a)).
  static Tensor factors(const std::vector<double>& shares, double rate, at::Device device) {
    std::vector<float> out;
    for (size_t i = 0; i < shares.size(); ++i) {
      const auto t = static_cast<double>(i + 1);
      const double root = std::sqrt(1 - std::pow(beta2, t));
      out.push_back(static_cast<float>(rate * shares[i] / (1 - std::pow(beta1, t)) * root));
      out.push_back(static_cast<float>(epsilon * root));
    }
    return upload(out.data(), {static_cast<int64_t>(shares.size()), 2}, at::kFloat, device);
  }

  static constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Tensor mean_, square_, factors_;
};

/// A network whose parameters, and their gradient, are flat tensors, laid out as Mlp::parameters(). Its
/// backward pass is written out: autograd would copy each layer's gradient into the flat one, and that takes
/// several times as many kernels.
class FlatNetwork {
 public:
  FlatNetwork(const Mlp& mlp, const FlatParameters& flat) {
    const float* origin = mlp.parameters().data();
    const auto part = [](const Tensor& all, int64_t begin, at::IntArrayRef shape) {
      return all.narrow(0, begin, c10::multiply_integers(shape)).view(shape);
    };
    for (int l = 0; l < mlp.layers(); ++l) {
      const MatrixView w = mlp.weight(l);
      const int64_t weight = w.data - origin, bias = mlp.bias(l).data() - origin;
      layers_.push_back({part(flat.values, weight, {w.rows, w.cols}), part(flat.values, bias, {w.rows}),
                         part(flat.gradient, weight, {w.rows, w.cols}), part(flat.gradient, bias, {w.rows})});
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

  /// Writes the gradient by the parameters, given that by the output at the place of the last forward pass.
  /// Returns the gradient by the input where it is wanted.
  Tensor backward(Tensor gradient, bool wants_input) {
    for (size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      at::mm_out(layer.weight_gradient, gradient.t(), inputs_[l]);
      at::sum_out(layer.bias_gradient, gradient, at::IntArrayRef{0});
      if (l > 0) gradient = at::threshold_backward(gradient.mm(layer.weight), inputs_[l], 0);
      if (l == 0 && wants_input) gradient = gradient.mm(layer.weight);
    }
    inputs_.clear();
    return gradient;
  }

 private:
  struct Layer {
    Tensor weight, bias, weight_gradient, bias_gradient;
  };
  std::vector<Layer> layers_;
  std::vector<Tensor> inputs_;  // of each layer
};

/// Feature grids (vis/feature_grid.h) whose parameters are a flat tensor.
class FlatGrid {
 public:
  FlatGrid(const FeatureGrid& grid, const FlatParameters& flat) : box_(grid.box()) {
    int64_t begin = 0;
    for (const int size : grid.sizes()) {
      const int64_t nodes = static_cast<int64_t>(size + 1) * (size + 1);
      const auto part = [&](const Tensor& all) {
        return all.narrow(0, begin, nodes * FeatureGrid::channels).view({nodes, FeatureGrid::channels});
      };
      levels_.push_back({size, part(flat.values), part(flat.gradient), {}});
      begin += nodes * FeatureGrid::channels;
    }
  }

  Tensor encode(const Tensor& points) {
    std::vector<Tensor> parts;
    for (Level& level : levels_) {
      level.places = grid_places(points, box_, level.size);
      parts.push_back(level.places.interpolated(level.values));
    }
    return at::cat(parts, 1);
  }

  /// Writes the gradient by the parameters, at the place of the last encode().
  void backward(const Tensor& by_encoding) {
    int64_t begin = 0;
    for (Level& level : levels_) {
      const Tensor own = by_encoding.narrow(1, begin, FeatureGrid::channels);
      level.gradient.zero_().index_add_(0, level.places.nodes, own.repeat({4, 1}).mul_(level.places.weights));
      begin += FeatureGrid::channels;
    }
  }

 private:
  struct Level {
    int64_t size;
    Tensor values, gradient;
    GridPlaces places;  // of the points that were encoded last
  };
  FeatureGrid::Box box_;
  std::vector<Level> levels_;
};

/// What both trainings share: which rows a step takes, and its losses.
class Steps {
 public:
  Steps(const DistillSchedule& schedule, int64_t losses, at::Device device)
      : batch(schedule.batch),
        step(at::zeros({1}, at::TensorOptions(device).dtype(at::kLong))),
        rows_(upload(schedule.rows.data(), {schedule.steps(), batch}, at::kInt, device)),
        losses_(at::zeros({schedule.steps(), losses}, at::TensorOptions(device).dtype(at::kFloat))) {}

  Tensor rows() const { return rows_.index_select(0, step).view({batch}); }
  void end(const Tensor& losses) {
    losses_.index_copy_(0, step, losses.view({1, -1}));
    step.add_(1);
  }
  /// Over the last pass.
  std::vector<double> sums(const DistillSchedule& schedule) const {
    const Tensor sum = losses_.slice(0, schedule.last_pass).cpu().to(at::kDouble).sum(0);
    return {sum.data_ptr<double>(), sum.data_ptr<double>() + sum.numel()};
  }

  int64_t batch;
  Tensor step;  // [1], how many have been taken

 private:
  Tensor rows_, losses_;
};

Tensor squares(const Tensor& x) { return x.square().sum(); }

/// Those of all samples, some at a time, so that the host never has them all.
Tensor uploaded(const TrainingFeatures& features, at::Device device) {
  const Tensor all =
      at::empty({features.rows(), features.dimensions()}, at::TensorOptions(device).dtype(at::kFloat));
  for (int64_t part = 0; part < TrainingFeatures::parts; ++part) {
    const int64_t begin = features.rows() * part / TrainingFeatures::parts,
                  end = features.rows() * (part + 1) / TrainingFeatures::parts;
    std::vector<int32_t> rows(static_cast<size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), static_cast<int32_t>(begin));
    all.narrow(0, begin, end - begin).copy_(upload(features.of(rows), device));
  }
  return all;
}

Tensor uploaded(const StackedView& stacked, at::Device device) {
  const Tensor first = upload(stacked.first, device);
  return stacked.second.rows == 0 ? first : at::cat({first, upload(stacked.second, device)});
}

class EncoderTraining {
 public:
  EncoderTraining(const EncoderProblem& problem, const DistillSchedule& schedule, double rate,
                  const Mlp& encoder, at::Device device)
      : steps_(schedule, 1, device),
        parameters_(encoder.parameters(), schedule.rates, rate, device),
        network_(encoder, parameters_),
        features_(uploaded(*problem.features, device)),
        landmarks_(upload(problem.shares->landmarks.data(),
                          {problem.features->rows(), problem.shares->per_point}, at::kInt, device)
                       .to(at::kLong)),
        shares_(upload(problem.shares->shares.data(), {problem.features->rows(), problem.shares->per_point},
                       at::kFloat, device)) {}

  void step() {
    const Tensor rows = steps_.rows();
    const Tensor landmarks = landmarks_.index_select(0, rows), shares = shares_.index_select(0, rows);
    const Tensor said = at::log_softmax(network_.forward(features_.index_select(0, rows)), 1);
    const Tensor loss = at::xlogy(shares, shares).sub_(shares * said.gather(1, landmarks)).sum();
    network_.backward(said.exp().scatter_add_(1, landmarks, -shares).div_(static_cast<double>(steps_.batch)),
                      false);
    parameters_.adam(steps_.step);
    steps_.end(loss);
  }

  double finish(const DistillSchedule& schedule, Mlp& encoder) const {
    parameters_.download(encoder.parameters());
    return steps_.sums(schedule)[0];
  }

 private:
  Steps steps_;
  FlatParameters parameters_;
  FlatNetwork network_;
  Tensor features_, landmarks_, shares_;
};

class DecoderTraining {
 public:
  DecoderTraining(const DecoderProblem& problem, const DistillSchedule& schedule, const DecoderRates& rates,
                  const PlaneDecoder& decoder, at::Device device)
      : problem_(problem),
        steps_(schedule, 2, device),
        network_parameters_(decoder.network.parameters(), schedule.rates, rates.network, device),
        grid_parameters_(decoder.grid.parameters(), schedule.rates, rates.grid, device),
        network_(decoder.network, network_parameters_),
        grid_(decoder.grid, grid_parameters_),
        features_(uploaded(*problem.features, device)),
        sources_(upload(problem.sources.data(), {problem.places.rows}, at::kInt, device)),
        places_(upload(problem.places, device)),
        targets_(at::log_softmax(uploaded(problem.logits, device).mul_(problem.sharpness), 1)),
        head_weight_(upload(problem.head->weight(), device)),
        head_bias_(upload(problem.head->bias().data(), {problem.head->class_count()}, at::kFloat, device)) {
    std::vector<int64_t> predictions;
    std::vector<float> margins;
    for (const Verdict& verdict : problem.verdicts) {
      predictions.push_back(verdict.prediction);
      margins.push_back(verdict.margin);
    }
    const auto n = static_cast<int64_t>(margins.size());
    predictions_ = upload(predictions.data(), {n, 1}, at::kLong, device);
    margins_ = upload(margins.data(), {n, 1}, at::kFloat, device);
    if (problem.jitter > 0) {
      at::manual_seed(problem.seed);
      jitter_ = at::randn({schedule.steps(), steps_.batch, 2}, at::kFloat)
                    .mul_(problem.jitter)
                    .to(features_.device());
    }
  }

  void step() {
    const Tensor rows = steps_.rows(), sources = sources_.index_select(0, rows);
    Tensor places = places_.index_select(0, rows);
    if (jitter_.defined()) places.add_(jitter_.index_select(0, steps_.step).view({steps_.batch, 2}));
    const Tensor decoded = network_.forward(grid_.encode(places));
    const Tensor logits = at::addmm(head_bias_, decoded, head_weight_.t());
    const Tensor said = at::log_softmax(logits.mul(problem_.sharpness), 1);
    const Tensor target = targets_.index_select(0, sources), share = target.exp();
    const Tensor divergence = (target - said).mul_(share).sum();
    const Tensor by_logits = said.exp().sub_(share).mul_(problem_.sharpness).add_(by_margin(logits, sources));
    const Tensor error = decoded - features_.index_select(0, sources);
    const Tensor loss = squares(error).div_(filled);
    const auto count = static_cast<double>(steps_.batch);
    grid_.backward(
        network_.backward(at::addmm(error, by_logits, head_weight_,
                                    2 * problem_.reconstruction_weight / filled / count, 1 / count),
                          true));
    network_parameters_.adam(steps_.step);
    grid_parameters_.adam(steps_.step);
    steps_.end(at::stack({loss, divergence}));
  }

  DecoderLosses finish(const DistillSchedule& schedule, PlaneDecoder& decoder) const {
    network_parameters_.download(decoder.network.parameters());
    grid_parameters_.download(decoder.grid.parameters());
    const auto sums = steps_.sums(schedule);
    return {sums[0], sums[1]};
  }

 private:
  /// The gradient by the logits of vis/margin_error.h, with its weight.
  Tensor by_margin(const Tensor& logits, const Tensor& sources) const {
    const Tensor own = predictions_.index_select(0, sources), margin = margins_.index_select(0, sources);
    const Tensor own_logit = logits.gather(1, own);
    const Tensor others = logits.scatter(1, own, -std::numeric_limits<float>::infinity());
    const auto [other_logit, other] = others.max(1, true);
    const Tensor lead = own_logit - other_logit;
    Tensor gradient = at::zeros_like(logits);
    if (logits.size(1) == 2) {
      const Tensor shown = at::tanh(lead / 2);
      const Tensor by_lead = (shown - margin).mul_(1 - shown.square()).mul_(problem_.margin_weight);
      return gradient.scatter_add_(1, own, by_lead).scatter_add_(1, other, -by_lead);
    }
    const auto [high, highest] = logits.max(1, true);
    const auto [low, lowest] = logits.min(1, true);
    const Tensor range = (high - low).clamp_min_(1e-3);
    const Tensor scale = (lead / range - margin).div_(range).mul_(2 * problem_.margin_weight);
    const Tensor by_range = scale * lead / range;
    return gradient.scatter_add_(1, own, scale)
        .scatter_add_(1, other, -scale)
        .scatter_add_(1, highest, -by_range)
        .scatter_add_(1, lowest, by_range);
  }

  static constexpr double filled = FeatureUnits::filled_dimensions;

  const DecoderProblem& problem_;
  Steps steps_;
  FlatParameters network_parameters_, grid_parameters_;
  FlatNetwork network_;
  FlatGrid grid_;
  Tensor features_, sources_, places_, targets_, head_weight_, head_bias_, predictions_, margins_, jitter_;
};

/// What `train(device, steps)` returns, which calls steps(training) for all steps of a training.
template <typename Train>
auto run(bool capture, const DistillSchedule& schedule, const Trainer::OnStep& on_step, const Train& train) {
  using How = DeviceSteps::How;
  return on_device("training", "set CUDA_VISIBLE_DEVICES= to train on the processor", [&](at::Device device) {
    const c10::InferenceMode no_gradients;
    return train(device, [&](auto& training) {
      DeviceSteps steps(!device.is_cuda() ? How::host : capture ? How::captured : How::eager);
      steps.run(
          schedule.steps(), [&] { training.step(); }, on_step);
    });
  });
}

std::string device() { return torch::cuda::is_available() ? "cuda" : "cpu"; }

class TorchTrainer final : public Trainer {
 public:
  explicit TorchTrainer(bool capture) : capture_(capture) {}
  std::string device() const override { return torch_device(); }

  double train_encoder(const EncoderProblem& problem, const DistillSchedule& schedule, double rate,
                       Mlp& encoder, const OnStep& on_step) override {
    return run(capture_, schedule, on_step, [&](at::Device device, const auto& steps) {
      EncoderTraining training(problem, schedule, rate, encoder, device);
      steps(training);
      return training.finish(schedule, encoder);
    });
  }

  DecoderLosses train_decoder(const DecoderProblem& problem, const DistillSchedule& schedule,
                              const DecoderRates& rates, PlaneDecoder& decoder,
                              const OnStep& on_step) override {
    return run(capture_, schedule, on_step, [&](at::Device device, const auto& steps) {
      DecoderTraining training(problem, schedule, rates, decoder, device);
      steps(training);
      return training.finish(schedule, decoder);
    });
  }

 private:
  bool capture_;
};

std::unique_ptr<Trainer> make(bool capture) { return std::make_unique<TorchTrainer>(capture); }

const decltype(torch_device)::Implementation device_implementation(torch_device, device);
const decltype(make_torch_trainer)::Implementation trainer_implementation(make_torch_trainer, make);

}  // namespace
}  // namespace dvi
