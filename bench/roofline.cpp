// What this machine can do at most, measured, beside what the program's products reach at the shapes it
// needs: the roofs of docs/explanation/complexity.md. Prints one JSON line; all figures are the best of
// several tries on all threads.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "core/multiversion.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/stopwatch.h"
#include "graph/neighbors.h"
#include "linalg/gemm.h"

namespace dvi {
namespace {

constexpr int tries = 7;

Matrix normal_matrix(int64_t rows, int64_t cols) {
  Random random(1);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

/// Shortest time of work(), which is run long enough (0.1 s) to be timed well; seconds of one call.
double best_seconds(const std::function<void()>& work) {
  const Stopwatch first;
  work();
  const int repeats = std::max(1, static_cast<int>(0.1 / first.seconds()));
  double best = first.seconds();
  for (int t = 0; t < tries; ++t) {
    const Stopwatch watch;
    for (int r = 0; r < repeats; ++r) work();
    best = std::min(best, watch.seconds() / repeats);
  }
  return best;
}

/// GFLOP/s of [rows, inner] * [inner, cols] on each thread at once, multiply-adds counted as two.
double float_products(int64_t rows, int64_t cols, int64_t inner) {
  const Matrix a = normal_matrix(rows, inner), b = normal_matrix(cols, inner);
  std::vector<Matrix> out;
  for (int w = 0; w < threads(); ++w) out.emplace_back(rows, cols);
  const double seconds = best_seconds([&] {
    parallel_workers(threads(),
                     [&](int worker) { multiply(a, transposed(b), out[static_cast<size_t>(worker)].mut()); });
  });
  return 2e-9 * static_cast<double>(rows * cols * inner) * threads() / seconds;
}

double integer_products(int64_t rows, int64_t cols, int64_t inner) {
  Random random(1);
  std::vector<uint8_t> a(static_cast<size_t>(rows * inner));
  std::vector<int8_t> b(static_cast<size_t>(cols * inner));
  for (auto& x : a) x = static_cast<uint8_t>(random.below(static_cast<uint64_t>(integer_levels())));
  for (auto& x : b) x = static_cast<int8_t>(static_cast<int>(random.below(255)) - 127);
  std::vector<std::vector<int32_t>> out(static_cast<size_t>(threads()),
                                        std::vector<int32_t>(static_cast<size_t>(rows * cols)));
  const double seconds = best_seconds([&] {
    parallel_workers(threads(), [&](int worker) {
      multiply_u8s8(rows, cols, inner, a.data(), b.data(), out[static_cast<size_t>(worker)].data());
    });
  });
  return 2e-9 * static_cast<double>(rows * cols * inner) * threads() / seconds;
}

DVI_MULTIVERSION void scale_add(const float* a, const float* b, float* c, int64_t n) {
  for (int64_t i = 0; i < n; ++i) c[i] = a[i] + 3.f * b[i];
}

/// GB/s to and from memory of c = a + 3 b, on arrays far larger than what a core's caches hold.
double memory_bandwidth() {
  constexpr int64_t n = int64_t{1} << 25;
  const Matrix a(1, n), b(1, n);
  Matrix c(1, n);
  const double seconds = best_seconds([&] {
    parallel_for(n, n / threads(), [&](int64_t begin, int64_t end, int) {
      scale_add(a.data() + begin, b.data() + begin, c.data() + begin, end - begin);
    });
  });
  return 3 * sizeof(float) * 1e-9 * static_cast<double>(n) / seconds;
}

void run() {
  constexpr int64_t dim = 512;
  const double square = float_products(1024, 1024, 1024), layer = float_products(1000, 256, dim),
               integer = integer_products(1024, 1024, 1024);
  std::string neighbors;
  for (const int64_t n : {int64_t{5000}, int64_t{20000}}) {
    const Matrix features = normal_matrix(n, dim);
    double best = 1e30;
    for (int t = 0; t < 3; ++t) {
      const Stopwatch watch;
      exact_neighbors(features, features, 15, true);
      best = std::min(best, watch.seconds());
    }
    neighbors += fmt::format("{}{{\"n\": {}, \"d\": {}, \"seconds\": {}, \"gflops\": {}}}",
                             neighbors.empty() ? "" : ", ", n, dim, best,
                             2e-9 * static_cast<double>(n * n * dim) / best);
  }
  fmt::print(
      "{{\"threads\": {}, \"isa\": \"{}\", \"onednn\": \"{}\", \"float_gflops\": {}, \"integer_gops\": {}, "
      "\"memory_gbs\": {}, \"layer_gflops\": {}, \"exact_neighbors\": [{}]}}\n",
      threads(), onednn_isa(), onednn_version(), square, integer, memory_bandwidth(), layer, neighbors);
}

}  // namespace
}  // namespace dvi

int main() {
  dvi::set_threads(0);
  dvi::run();
  return 0;
}
