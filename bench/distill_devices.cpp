// The default preset's networks trained on the processor and through LibTorch, on a CUDA device if it finds
// one: seconds, time a step and quality. distill_devices [SAMPLES...], 5000 and 60000 if not given; on all
// processors that it may run on (taskset -c 0-3 distill_devices).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <numbers>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "core/stopwatch.h"
#include "subject/logits.h"
#include "vis/backend/torch/torch_trainer.h"
#include "vis/distill.h"

namespace dvi {
namespace {

using Device = TrainingDevice;

constexpr int64_t dim = 512, classes = 10, latents = 6;
constexpr int64_t first_steps = 600, following_steps = 200;  // as the default preset's

/// Ten Gaussians that fill a few dimensions each, a linear head that tells them apart, and a plane position
/// that knows the class and two of the dimensions.
struct Mixture {
  Matrix features, positions, logits;
  std::unique_ptr<SubjectModel> subject;

  explicit Mixture(int64_t samples)
      : features(samples, dim), positions(samples, 2), logits(samples, classes) {
    Random random(1);
    const auto normal = [&](int64_t rows, double scale) {
      Matrix m(rows, dim);
      for (int64_t i = 0; i < rows * dim; ++i) m.data()[i] = static_cast<float>(scale * random.normal());
      return m;
    };
    const Matrix means = normal(classes, 1), axes = normal(classes * latents, 0.35);
    LinearHead head{Matrix(classes, dim), std::vector<float>(classes)};
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t l = 0; l < dim; ++l) {
        head.weight(c, l) = means(c, l) / 40;
        head.bias[static_cast<size_t>(c)] -= means(c, l) * means(c, l) / 80;
      }
    for (int64_t i = 0; i < samples; ++i) {
      const auto c = static_cast<int64_t>(random.below(classes));
      double u[latents];
      for (auto& v : u) v = random.normal();
      for (int64_t l = 0; l < dim; ++l) {
        double v = means(c, l) + 0.1 * random.normal();
        for (int64_t k = 0; k < latents; ++k) v += u[k] * axes(c * latents + k, l);
        features(i, l) = static_cast<float>(v);
      }
      const double angle = 2 * std::numbers::pi * static_cast<double>(c) / classes;
      positions(i, 0) = static_cast<float>(40 * std::cos(angle) + 4 * u[0]);
      positions(i, 1) = static_cast<float>(40 * std::sin(angle) + 4 * u[1]);
    }
    subject = make_linear_subject(std::move(head));
    subject->head(features, logits.mut());
  }

  /// Share of the predictions that survive decode(positions).
  double kept(const Autoencoder& model) const {
    Matrix decoded(features.rows(), dim), after(features.rows(), classes);
    model.decoder.apply(positions, decoded.mut());
    subject->head(decoded, after.mut());
    const auto before = judge(logits.view()), now = judge(after.view());
    double same = 0;
    for (size_t i = 0; i < before.size(); ++i) same += before[i].prediction == now[i].prediction;
    return same / static_cast<double>(before.size());
  }
};

struct Timed {
  DistillResult result;
  double seconds = 0;
};

Timed timed(const Mixture& data, Device device, int64_t steps, const Autoencoder* previous) {
  DistillTask task;
  task.features = data.features;
  task.logits = data.logits.view();
  task.positions = data.positions;
  task.subject = data.subject.get();
  task.previous = previous;
  DistillOptions options;
  options.device = device;
  options.encoder_steps = steps;
  Stopwatch watch;
  Timed out{distill(task, options), 0};
  out.seconds = watch.lap();
  return out;
}

Timed median_of_3(const Mixture& data, Device device, int64_t steps, const Autoencoder* previous) {
  std::vector<Timed> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(timed(data, device, steps, previous));
  std::ranges::sort(runs, {}, &Timed::seconds);
  return std::move(runs[1]);
}

void print_row(const Mixture& data, const char* name, Device device, int64_t steps,
               const Autoencoder* previous) {
  constexpr int64_t few = 20;  // what a fit costs besides steps
  const Timed fixed = median_of_3(data, device, few, previous),
              whole = median_of_3(data, device, steps, previous);
  fmt::print("| {} | {} | {} | {:.3f} | {:.3f} | {:.0f} | {:.5f} | {:.5f} | {:.5f} | {:.4f} |\n",
             data.features.rows(), steps, name, whole.seconds, fixed.seconds,
             1e6 * (whole.seconds - fixed.seconds) / static_cast<double>(steps - few),
             whole.result.encoder_error, whole.result.decoder_error, whole.result.divergence,
             data.kept(whole.result.model));
  std::fflush(stdout);
}

void measure(const std::vector<int64_t>& sizes) {
  fmt::print("processor: {} threads, {}\n", threads(),
             best_precision() == Precision::bf16 ? "bf16 products" : "float32 products");
  Stopwatch watch;
  const std::string device = torch_device.available() ? torch_device() : "";
  const double asked = watch.lap();
  if (device.empty()) fmt::print("without LibTorch: the processor alone\n");
  if (device == "cpu")
    fmt::print("LibTorch finds no CUDA device: it runs on the processor, and captures nothing\n");
  if (device == "cuda") {
    const Mixture small(1000);
    const double first = timed(small, Device::torch, 20, nullptr).seconds,
                 second = timed(small, Device::torch, 20, nullptr).seconds;
    fmt::print(
        "LibTorch finds a CUDA device: {:.2f} s to ask, {:.2f} s more until the first steps are done\n",
        asked, first - second);
  }
  fmt::print(
      "\n| samples | steps | trained | seconds | of them at 20 steps | us a step | encoder's error | "
      "decoder's error | divergence | predictions kept |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const int64_t samples : sizes) {
    const Mixture data(samples);
    const Autoencoder before = timed(data, Device::fastest, first_steps, nullptr).result.model;
    for (const auto& [steps, previous] : {std::pair{first_steps, static_cast<const Autoencoder*>(nullptr)},
                                          std::pair{following_steps, &before}}) {
      print_row(data, "on the processor", Device::processor, steps, previous);
      if (device == "cuda") {
        print_row(data, "CUDA, captured", Device::torch, steps, previous);
        print_row(data, "CUDA, step by step", Device::torch_eager, steps, previous);
      } else if (device == "cpu") {
        print_row(data, "LibTorch on the processor", Device::torch, steps, previous);
      }
    }
  }
}

}  // namespace
}  // namespace dvi

int main(int argc, char** argv) {
  try {
    std::vector<int64_t> sizes;
    for (int i = 1; i < argc; ++i) sizes.push_back(std::stoll(argv[i]));
    dvi::measure(sizes.empty() ? std::vector<int64_t>{5000, 60000} : sizes);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "distill_devices: {}\n", error.what());
    return 1;
  }
}
