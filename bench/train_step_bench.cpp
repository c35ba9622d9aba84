// How close a training step comes to the processor's speed: steps of the visualization model on 2,000 samples
// of dimension 512, beside plain float32 products of the same shapes on all threads ("peak"), measured in the
// same run. On a shared machine compare ratios only: --benchmark_enable_random_interleaving=true
// --benchmark_repetitions=9
#include <benchmark/benchmark.h>

#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "linalg/gemm.h"
#include "vis/adam.h"
#include "vis/paper_trainer.h"

namespace dvi {
namespace {

constexpr int64_t dim = 512, samples = 5000, edges = 1000;

Matrix normal_matrix(int64_t rows, int64_t cols) {
  Random random(1);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

void report(benchmark::State& state, double operations_per_iteration) {
  state.counters["FLOP/s"] = benchmark::Counter(
      operations_per_iteration * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// Multiply-adds count two. Forward, gradient by weights and gradient by inputs, but for the first layer's
/// inputs.
double step_operations(const Autoencoder& model, double rows) {
  double weights = 0;
  for (const auto* mlp : {&model.encoder.network, &model.decoder.network})
    for (int l = 0; l < mlp->layers(); ++l)
      weights += 3.0 * static_cast<double>(mlp->weight(l).span().size());
  return 2 * rows * (weights - static_cast<double>(model.encoder.network.weight(0).span().size()));
}

void peak(benchmark::State& state, Precision precision) {
  const int64_t rows = 2 * edges / threads();
  const auto a = normal_matrix(rows, dim), b = normal_matrix(dim / 2, dim);
  std::vector<Matrix> out;
  for (int w = 0; w < threads(); ++w) out.emplace_back(rows, dim / 2);
  constexpr int repeats = 20;
  for (auto _ : state)
    parallel_workers(threads(), [&](int worker) {
      for (int i = 0; i < repeats; ++i)
        multiply(a, transposed(b), out[static_cast<size_t>(worker)].mut(), precision);
    });
  report(state, 2.0 * repeats * static_cast<double>(rows * threads() * (dim / 2) * dim));
}

void wake_up(benchmark::State& state) {
  for (auto _ : state) parallel_workers(threads(), [](int) {});
}

void adam(benchmark::State& state) {
  auto model = paper_autoencoder(dim, 1);
  std::vector<std::vector<float>> gradients(
      static_cast<size_t>(threads()), std::vector<float>(model.encoder.network.parameters().size(), 1e-3f));
  Adam encoder_adam(model.encoder.network.parameters().size());
  for (auto _ : state) encoder_adam.step(model.encoder.network.parameters(), gradients, 1e-3f);
}

/// Forward, backward and Adam of both networks, without the losses.
void network_step(benchmark::State& state, Precision precision) {
  auto model = paper_autoencoder(dim, 1);
  const auto features = normal_matrix(2 * edges, dim);
  const auto workers = static_cast<size_t>(threads());
  struct Worker {
    Mlp::Trace encoder, decoder;
    Matrix position_gradient;
  };
  std::vector<Worker> traces(workers);
  std::vector<std::vector<float>> encoder_gradients(
      workers, std::vector<float>(model.encoder.network.parameters().size()));
  auto decoder_gradients = encoder_gradients;
  for (auto& gradient : decoder_gradients) gradient.resize(model.decoder.network.parameters().size());
  Adam encoder_adam(model.encoder.network.parameters().size()),
      decoder_adam(model.decoder.network.parameters().size());
  for (auto _ : state) {
    parallel_workers(threads(), [&](int worker) {
      const auto w = static_cast<size_t>(worker);
      auto& mine = traces[w];
      const int64_t rows = 2 * edges / threads();
      const auto in = features.view().slice(worker * rows, rows);
      const auto positions = model.encoder.forward(in, mine.encoder, precision);
      const auto out = model.decoder.network.forward(positions, mine.decoder, precision);
      if (mine.position_gradient.rows() != rows) mine.position_gradient = Matrix(rows, 2);
      auto position_gradient = mine.position_gradient.mut();
      model.decoder.network.backward(positions, mine.decoder, out, decoder_gradients[w], &position_gradient,
                                     precision);
      model.encoder.backward(in, mine.encoder, position_gradient, encoder_gradients[w], nullptr, precision);
    });
    encoder_adam.step(model.encoder.network.parameters(), encoder_gradients, 1e-6f);
    decoder_adam.step(model.decoder.network.parameters(), decoder_gradients, 1e-6f);
  }
  report(state, step_operations(model, 2 * edges));
}

/// A step of the paper preset, drawing of the edges included.
void paper_step(benchmark::State& state, Precision precision) {
  const auto features = normal_matrix(samples, dim);
  Attention attention{Matrix(1, dim), std::vector<int32_t>(samples)};
  EdgeList complex, none{std::vector<int64_t>(samples + 1), {}, {}};
  complex.begin.push_back(0);
  for (int32_t i = 0; i < samples; ++i) {
    for (int32_t j = 1; j <= 15; ++j) {
      complex.target.push_back(static_cast<int32_t>((i + j * j) % samples));
      complex.weight.push_back(1.f / static_cast<float>(j));
    }
    complex.begin.push_back(complex.size());
  }
  PaperTask task{.features = features, .samples = &complex, .boundary = &none, .attention = &attention};
  PaperOptions options;
  options.precision = precision;
  options.batch = edges;
  options.most_passes = 1;
  for (auto _ : state) {
    const auto result = train_paper(task, options);
    state.SetIterationTime(result.seconds / static_cast<double>(result.steps));
  }
  report(state, step_operations(paper_autoencoder(dim, 1), 2 * edges));
}

BENCHMARK_CAPTURE(peak, f32, Precision::f32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(peak, bf16, Precision::bf16)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(wake_up)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(adam)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_step, f32, Precision::f32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_step, bf16, Precision::bf16)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(paper_step, f32, Precision::f32)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(paper_step, bf16, Precision::bf16)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dvi

BENCHMARK_MAIN();
