// What the page waits for: projecting 10,000 samples, inverse-projecting 10,000 points and painting a
// landscape of 400 x 400 cells, with networks of the default preset's shape over 512 dimensions and 10
// classes.
#include <benchmark/benchmark.h>

#include "core/parallel.h"
#include "core/random.h"
#include "landscape/plane_classifier.h"

namespace dvi {
namespace {

constexpr int64_t dim = 512, rows = 10000, classes = 10;

Matrix normal_matrix(int64_t n, int64_t cols) {
  Random random(1);
  Matrix m(n, cols);
  for (int64_t i = 0; i < n * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

void apply(benchmark::State& state, const std::vector<int64_t>& widths) {
  Random random(2);
  const Mlp mlp(widths, random);
  const Matrix in = normal_matrix(rows, mlp.input_dim());
  Matrix out(rows, mlp.output_dim());
  for (auto _ : state) mlp.apply(in, out.mut());
  state.SetItemsProcessed(state.iterations() * rows);
}
void project_10000(benchmark::State& state) { apply(state, {dim, 128, 128, 128, 128, 2}); }
void inverse_project_10000(benchmark::State& state) { apply(state, {2, 128, 128, 128, 128, dim}); }

void landscape_400(benchmark::State& state) {
  Random random(3);
  PlaneDecoder decoder;
  decoder.grid = FeatureGrid({16, 32, 64, 128, 256}, {-50, -50, 100});
  decoder.network = Mlp({decoder.grid.width(), 64, 64, dim}, random);
  const auto subject = make_linear_subject({normal_matrix(classes, dim), std::vector<float>(classes)});
  PlaneClassifier classifier(decoder, *subject);
  for (auto _ : state) benchmark::DoNotOptimize(classifier.paint({-50, -50, 50, 50}, 400));
  state.SetItemsProcessed(state.iterations() * 400 * 400);
}

BENCHMARK(project_10000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(inverse_project_10000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(landscape_400)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace dvi

BENCHMARK_MAIN();
