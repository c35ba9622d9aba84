#include "subject/torch_subject.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/cuda.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/random.h"
#include "subject/linear_head.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

struct BatchSizes {
  int64_t samples, input_bytes, features, feature_values;
};
// On a thread of the processor batches that fit the cache were the fastest (50 to 500 samples of 28 x 28
// alike). The other bound keeps memory in check for large inputs.
constexpr BatchSizes thread_batches{128, int64_t{16} << 20, 256, 0},
    device_batches{1024, int64_t{64} << 20, 1 << 16, int64_t{1} << 27};
constexpr int64_t fewest_samples = 16;  // that a batch on the device is made smaller to
constexpr float linear_tolerance = 1e-4f;

/// LibTorch's messages carry a stack trace and pages of code. Users need the first line, or, where a method
/// of the model failed, the last one, which tells why.
std::string reason(const std::exception& error) {
  std::string text = error.what();
  const auto last_but = [&](const char* ends) { text.resize(text.find_last_not_of(ends) + 1); };
  last_but(" \n");
  if (text.find("in the TorchScript interpreter") != std::string::npos) text.erase(0, text.rfind('\n') + 1);
  text.erase(0, text.find_first_not_of(" \n"));
  text.resize(std::min(text.find('\n'), text.size()));
  last_but(".: ");
  return text;
}

torch::jit::Module load(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    fail(
        "{}: expected a TorchScript file, found none; record it, or the head as head_weight.npy and "
        "head_bias.npy",
        file.string());
  try {
    return torch::jit::load(file.string(), at::kCPU);
  } catch (const std::exception& e) {
    fail(
        "{}: expected a TorchScript file that LibTorch {} can read, found \"{}\"; if a newer PyTorch wrote "
        "it, record "
        "the head as head_weight.npy and head_bias.npy with \"subject\": {{\"kind\": \"linear-head\"}} "
        "instead",
        file.string(), TORCH_VERSION, reason(e));
  }
}

/// The first of `names` that the module has.
std::string find_method(const torch::jit::Module& module, std::initializer_list<const char*> names,
                        const fs::path& file) {
  for (const char* name : names)
    if (module.find_method(name)) return name;
  std::string found;
  for (const auto& method : module.get_methods()) found += (found.empty() ? "" : ", ") + method.name();
  fail(
      "{}: expected a TorchScript module with the methods features(x) and head(f) (or feature and "
      "prediction), found {}; "
      "mark both with @torch.jit.export before torch.jit.script, or record arrays "
      "(docs/reference/run-format.md)",
      file.string(), found.empty() ? "no method" : "only " + found);
}

/// Our threads each work on their own samples, so LibTorch is to run alone inside each of them. Batches are
/// cut the same way for any number of threads, so results are the same too.
void use_one_thread_inside() {
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

torch::Tensor as_tensor(MatrixView m) {
  // LibTorch has no read-only tensors; ours is not written to.
  return torch::from_blob(const_cast<float*>(m.data), {m.rows, m.cols}, torch::kFloat32);
}

class TorchSubject final : public SubjectModel {
 public:
  TorchSubject(const fs::path& file, int64_t feature_dim, int64_t class_count, ModelPlace place)
      : file_(file), feature_dim_(feature_dim), class_count_(class_count), module_(load(file)) {
    features_name_ = find_method(module_, {"features", "feature"}, file);
    head_name_ = find_method(module_, {"head", "prediction"}, file);
    prepare();
    find_linear_head();
    if (place == ModelPlace::device) move_to_device();
  }

  int64_t feature_dim() const override { return feature_dim_; }
  int64_t class_count() const override { return class_count_; }
  bool has_features() const override { return true; }
  const LinearHead* linear_head() const override { return linear_ ? &*linear_ : nullptr; }

  void features(MatrixView inputs, std::span<const int64_t> sample_shape, MutMatrixView out) override {
    int64_t size = 1;
    for (const int64_t n : sample_shape) size *= n;
    if (size != inputs.cols || out.cols != feature_dim_ || out.rows != inputs.rows)
      fail("{}: expected inputs of {} values and {} features, found {} and {}", file_.string(), size,
           feature_dim_, inputs.cols, out.cols);
    const int64_t bytes = std::max<int64_t>(1, size * 4);
    const auto batch = [bytes](const BatchSizes& most) {
      return std::clamp(most.input_bytes / bytes, int64_t{1}, most.samples);
    };
    for_batches(inputs.rows, batch, [&](int64_t begin, int64_t end) {
      const MatrixView in = inputs.slice(begin, end - begin);
      std::vector<int64_t> shape{in.rows};
      shape.insert(shape.end(), sample_shape.begin(), sample_shape.end());
      store(run(features_name_, as_tensor(in).view(shape)), out.slice(begin, in.rows), features_name_);
    });
  }

  void head(MatrixView features, MutMatrixView logits) override {
    if (linear_) return apply_linear_head(*linear_, features, logits);
    run_head(features, logits);
  }

  void head_vjp(MatrixView features, MatrixView cotangent, MutMatrixView out) override {
    if (linear_) return linear_head_vjp(*linear_, cotangent, out);
    for_feature_batches(features.rows, [&](int64_t begin, int64_t end) {
      use_one_thread_inside();
      const torch::AutoGradMode with_gradients(true);
      constexpr bool non_blocking = false, copies = true;
      const torch::Tensor f = as_tensor(features.slice(begin, end - begin))
                                  .to(device_, torch::kFloat32, non_blocking, copies)
                                  .requires_grad_(true);
      torch::Tensor gradient;
      try {
        const torch::Tensor logits = module_.get_method(head_name_)({f}).toTensor();
        gradient = torch::autograd::grad({logits}, {f},
                                         {as_tensor(cotangent.slice(begin, end - begin)).to(device_)})[0];
      } catch (const std::exception& e) {
        fail("{}: expected a differentiable method {}, found \"{}\"; use torch operations only in it",
             file_.string(), head_name_, reason(e));
      }
      store(gradient, out.slice(begin, end - begin), head_name_);
    });
  }

 private:
  /// Constants folded in, batch norms merged into convolutions. Modules that cannot be frozen run as they
  /// are.
  torch::jit::Module freeze() const {
    try {
      return torch::jit::freeze(module_, std::vector<std::string>{features_name_, head_name_});
    } catch (const std::exception&) {
      return module_;
    }
  }

  void prepare() {
    for (auto parameter : module_.parameters()) parameter.set_requires_grad(false);
    module_.eval();
    frozen_ = freeze();
  }

  /// Calls work(begin, end) for batches of the rows, of `size_of(BatchSizes)` each: side by side on all
  /// threads, or one after the other on the device. Where a batch fails there, for want of memory, a smaller
  /// one is tried; a model that fails with few samples, because it holds tensors of the processor for
  /// example, goes back to the processor.
  template <typename SizeOf, typename Work>
  void for_batches(int64_t rows, const SizeOf& size_of, const Work& work) {
    if (place_ == ModelPlace::device) {
      const torch::jit::GraphOptimizerEnabledGuard no_kernels_to_compile(false);
      int64_t begin = 0;
      int64_t size = size_of(device_batches);
      while (begin < rows && place_ == ModelPlace::device) {
        try {
          work(begin, std::min(begin + size, rows));
          begin += size;
        } catch (const std::exception& error) {
          if (size <= fewest_samples) leave_device(error);
          size = std::max(size / 4, int64_t{1});
        }
      }
      if (begin >= rows) return;
    }
    parallel_for(rows, size_of(thread_batches), [&](int64_t begin, int64_t end, int) { work(begin, end); });
  }

  template <typename Work>
  void for_feature_batches(int64_t rows, const Work& work) {
    const auto size = [this](const BatchSizes& most) {
      return std::clamp<int64_t>(most.feature_values / feature_dim_, 256, most.features);
    };
    for_batches(rows, size, work);
  }

  void move_to_device() {
    // As exact as on the processor: boundary samples are where two classes differ by little.
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setDeterministicCuDNN(true);
    place_ = ModelPlace::device;
    try {
      if (torch::cuda::is_available()) move_to(torch::kCUDA);
    } catch (const std::exception& error) {
      leave_device(error);
    }
  }
  void leave_device(const std::exception& error) {
    say(fmt::format("The model runs on the processor, since it failed on the device: {}", reason(error)));
    place_ = ModelPlace::threads;
    device_ = torch::kCPU;
    module_ = load(file_);  // not moved back: after some faults a device gives nothing back
    prepare();
  }
  void move_to(torch::Device device) {
    device_ = device;
    module_.to(device);
    frozen_ = freeze();
  }

  torch::Tensor run(const std::string& method, const torch::Tensor& input) const {
    use_one_thread_inside();
    const torch::InferenceMode no_gradients;
    try {
      return frozen_.get_method(method)({input.to(device_)}).toTensor();
    } catch (const std::exception& e) {
      fail(
          "{}: {}(x) failed for x of shape {}: \"{}\"; check that the recorded inputs are what the model "
          "takes",
          file_.string(), method, shape_text(input.sizes()), reason(e));
    }
  }

  /// Copies a result [n, anything] whose rows have out.cols values.
  void store(const torch::Tensor& result, MutMatrixView out, const std::string& method) const {
    if (result.numel() != out.rows * out.cols || result.dim() < 1 || result.size(0) != out.rows)
      fail(
          "{}: expected {} to give {}, found {}; set \"feature_dim\" and \"classes\" in run.json to what the "
          "model has",
          file_.string(), method, shape_text(std::vector{out.rows, out.cols}), shape_text(result.sizes()));
    const torch::InferenceMode no_gradients;
    const torch::Tensor values = result.to(torch::kCPU, torch::kFloat32).contiguous();
    std::copy_n(values.data_ptr<float>(), out.rows * out.cols, out.data);
  }

  void run_head(MatrixView features, MutMatrixView logits) {
    if (features.cols != feature_dim_ || logits.cols != class_count_ || logits.rows != features.rows)
      fail("{}: expected features [n, {}] and logits [n, {}], found [{}, {}] and [{}, {}]", file_.string(),
           feature_dim_, class_count_, features.rows, features.cols, logits.rows, logits.cols);
    for_feature_batches(features.rows, [&](int64_t begin, int64_t end) {
      const int64_t n = end - begin;
      store(run(head_name_, as_tensor(features.slice(begin, n))), logits.slice(begin, n), head_name_);
    });
  }

  Matrix head_of(const Matrix& features) {
    Matrix logits(features.rows(), class_count_);
    run_head(features, logits.mut());
    return logits;
  }

  /// head(0) is the bias, head(unit vector) - bias a column of the weight, if the head is linear. Whether it
  /// is shows at random features: first by additivity, which spares most other heads the long probe, then by
  /// comparison.
  void find_linear_head() {
    const Matrix bias = head_of(Matrix(1, feature_dim_));
    Random random(1);
    Matrix probes(32, feature_dim_);
    for (int64_t i = 0; i < probes.rows(); ++i) {
      // Small and large values, some of them only positive, as features behind a ReLU are.
      const double scale = std::pow(4.0, double(i % 4) - 1);
      for (int64_t j = 0; j < feature_dim_; ++j) {
        const double value = scale * random.normal();
        probes(i, j) = static_cast<float>(i % 8 < 4 ? value : std::max(0.0, value));
      }
    }
    const Matrix found = head_of(probes);
    Matrix sums(1, feature_dim_);
    for (int64_t j = 0; j < feature_dim_; ++j) sums(0, j) = probes(0, j) + probes(1, j);
    const Matrix sum = head_of(sums);
    for (int64_t c = 0; c < class_count_; ++c) {
      const float expected = found(0, c) + found(1, c) - bias(0, c);
      const float size = std::abs(found(0, c)) + std::abs(found(1, c)) + std::abs(bias(0, c)) + 1e-6f;
      if (!(std::abs(sum(0, c) - expected) <= linear_tolerance * size)) return;
    }

    LinearHead head{Matrix(class_count_, feature_dim_), {bias.data(), bias.data() + class_count_}};
    constexpr int64_t some = thread_batches.features;
    for (int64_t begin = 0; begin < feature_dim_; begin += some) {
      const int64_t count = std::min(some, feature_dim_ - begin);
      Matrix units(count, feature_dim_);
      for (int64_t i = 0; i < count; ++i) units(i, begin + i) = 1;
      const Matrix columns = head_of(units);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t c = 0; c < class_count_; ++c) head.weight(c, begin + i) = columns(i, c) - bias(0, c);
    }

    Matrix predicted(probes.rows(), class_count_);
    apply_linear_head(head, probes, predicted.mut());
    for (int64_t i = 0; i < probes.rows(); ++i) {
      float size = 1e-6f;
      for (int64_t c = 0; c < class_count_; ++c) size = std::max(size, std::abs(found(i, c)));
      for (int64_t c = 0; c < class_count_; ++c)
        if (!(std::abs(found(i, c) - predicted(i, c)) <= linear_tolerance * size)) return;
    }
    linear_ = std::move(head);
  }

  fs::path file_;
  int64_t feature_dim_, class_count_;
  torch::jit::Module module_;  // for gradients
  torch::jit::Module frozen_;  // for everything else
  ModelPlace place_ = ModelPlace::threads;
  torch::Device device_ = torch::kCPU;
  std::string features_name_, head_name_;
  std::optional<LinearHead> linear_;
};

}  // namespace

namespace {

std::unique_ptr<SubjectModel> open(const fs::path& file, int64_t feature_dim, int64_t class_count,
                                   ModelPlace place) {
  return std::make_unique<TorchSubject>(file, feature_dim, class_count, place);
}

const decltype(open_torch_subject)::Implementation implementation(open_torch_subject, open);

}  // namespace

}  // namespace dvi
