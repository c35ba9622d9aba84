// The fit's heaviest steps on the processor and through LibTorch, on a CUDA device if it finds one: seconds
// and agreement, as a table. device_fit [SAMPLES DIMENSIONS]..., 60000 512 if not given. The networks:
// distill_devices.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <span>
#include <vector>

#include "core/device.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/stopwatch.h"
#include "graph/backend/torch/device_fuzzy_set.h"
#include "graph/fuzzy_set.h"
#include "graph/neighbor_index.h"
#include "graph/plane_neighbors.h"
#include "vis/backend/torch/device_layout.h"
#include "vis/backend/torch/device_networks.h"
#include "vis/distill.h"
#include "vis/layout.h"

namespace dvi {
namespace {

constexpr int k = 40, layout_k = 15;  // as the default preset's

/// Thirty Gaussians of twelve dimensions each.
Matrix clusters(int64_t samples, int64_t dim) {
  constexpr int64_t count = 30, inner = 12;
  Random random(1);
  const auto normal = [&](int64_t rows, double scale) {
    Matrix m(rows, dim);
    for (int64_t i = 0; i < rows * dim; ++i) m.data()[i] = static_cast<float>(scale * random.normal());
    return m;
  };
  const Matrix means = normal(count, 1), axes = normal(count * inner, 0.3);
  Matrix out(samples, dim);
  parallel_for(samples, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      Random own(2, static_cast<uint64_t>(i));
      const auto c = static_cast<int64_t>(own.below(count));
      std::copy_n(means.row(c), dim, out.row(i));
      for (int64_t a = 0; a < inner; ++a) {
        const auto way = static_cast<float>(own.normal());
        for (int64_t l = 0; l < dim; ++l) out(i, l) += way * axes(c * inner + a, l);
      }
    }
  });
  return out;
}

double shared(const Neighbors& a, const Neighbors& b) {
  int64_t same = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    for (const int32_t j : a.row(i)) same += std::ranges::count(b.row(i), j);
  return static_cast<double>(same) / static_cast<double>(a.index.size());
}

/// Of each point's `layout_k` nearest in feature space, how many are among its nearest in the plane.
double kept(const Neighbors& near, MatrixView positions) {
  std::vector<int32_t> all(static_cast<size_t>(positions.rows));
  std::iota(all.begin(), all.end(), 0);
  return layout_k * shared(near, plane_neighbors(positions, all, all, layout_k));
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double{a[i]} - double{b[i]}));
  return most;
}

/// The default preset's networks, untrained.
template <typename Row>
void compare_networks(const Matrix& features, const Row& row) {
  constexpr int64_t classes = 10;
  const int64_t n = features.rows(), dim = features.cols();
  const DistillOptions options;
  Random random(4);
  const auto matrix = [&](int64_t rows, int64_t cols) {
    Matrix m(rows, cols);
    for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
    return m;
  };
  const auto network = [&](int64_t inputs, int64_t hidden, int layers, int64_t outputs) {
    std::vector<int64_t> widths(static_cast<size_t>(layers + 2), hidden);
    widths.front() = inputs;
    widths.back() = outputs;
    return Mlp(std::move(widths), random);
  };
  const PlaneEncoder encoder{
      network(dim, options.encoder_hidden, options.encoder_layers, options.most_landmarks),
      matrix(options.most_landmarks, 2)};
  Stopwatch watch;
  Matrix own(n, 2), theirs(n, 2);
  choose_device(DeviceChoice::processor);
  watch.lap();
  encoder.apply(features, own.mut());
  const double by_processor = watch.lap();
  encode_on_device(encoder, features, theirs.mut());
  row("projection", by_processor, watch.lap(),
      fmt::format("largest difference {:.0e}", largest_difference(own.view().span(), theirs.view().span())));

  const FeatureGrid grid({16, 32, 64, 128, 256}, {-4, -4, 8});
  const PlaneDecoder decoder{grid,
                             network(grid.width(), options.decoder_hidden, options.decoder_layers, dim)};
  const LinearHead head{matrix(classes, dim), std::vector<float>(classes)};
  const auto subject = make_linear_subject({head.weight, head.bias});
  Matrix decoded(n, dim), logits(n, classes), their_logits(n, classes);
  std::vector<float> errors(static_cast<size_t>(n));
  watch.lap();
  decoder.apply(own, decoded.mut());
  subject->head(decoded, logits.mut());
  const double back_by_processor = watch.lap();
  decode_on_device(decoder, head, own, features, their_logits.mut(), errors);
  row("inverse projection and head", back_by_processor, watch.lap(),
      fmt::format("largest difference {:.0e}",
                  largest_difference(logits.view().span(), their_logits.view().span())));
}

void compare(int64_t samples, int64_t dim) {
  const Matrix features = clusters(samples, dim);
  const auto row = [&](const char* step, double processor, double device, const std::string& agreement) {
    fmt::print("| {} x {} | {} | {:.2f} | {:.2f} | {} |\n", samples, dim, step, processor, device, agreement);
    std::fflush(stdout);
  };
  Stopwatch watch;
  const Neighbors exact = NeighborIndex(features).exact(features, k, true);
  const double by_processor = watch.lap();
  NeighborIndex(features.view().slice(0, std::min<int64_t>(samples, 2000)))
      .on_device(features, 1, false);  // warm
  watch.lap();
  const Neighbors on_device = NeighborIndex(features).on_device(features, k, true);
  row("exact neighbours, k = 40", by_processor, watch.lap(),
      fmt::format("{:.6f} of the neighbours are the same", shared(exact, on_device)));

  const Neighbors near = nearest_of(exact, layout_k);
  const double mean = sum_of_distances(near) / static_cast<double>(near.distance.size());
  choose_device(DeviceChoice::processor);
  watch.lap();
  const std::vector<float> strengths = membership_strengths(near, mean);
  const double strengths_by_processor = watch.lap();
  const std::vector<float> theirs_too = device_membership_strengths(near, mean);
  row("membership strengths, k = 15", strengths_by_processor, watch.lap(),
      fmt::format("largest difference {:.0e}", largest_difference(strengths, theirs_too)));
  compare_networks(features, row);

  const EdgeList edges = fuzzy_union(near, strengths, samples);
  Random random(3);
  Matrix start(samples, 2);
  for (int64_t i = 0; i < 2 * samples; ++i) start.data()[i] = static_cast<float>(1e-2 * random.normal());
  const LayoutPhase phases[] = {{150, 12, 0.5}, {350, 2, 0.8, true}};
  const auto laid_out = [&](const auto& run, Matrix positions) {
    LayoutFrame frame;
    run(LayoutProblem{&edges, &frame, {}, {}}, phases, positions.mut());
    return positions;
  };
  const auto through_torch = [](const auto&... arguments) { run_device_layout(arguments..., {}); };
  choose_device(DeviceChoice::processor);
  watch.lap();
  const Matrix own = laid_out([](const auto&... arguments) { run_layout(arguments...); }, start);
  const double layout_by_processor = watch.lap();
  const Matrix theirs = laid_out(through_torch, start);
  const double layout_by_device = watch.lap();
  row("layout, 500 iterations", layout_by_processor, layout_by_device,
      fmt::format("neighbours kept of 15: {:.2f} and {:.2f}", kept(near, own), kept(near, theirs)));
}

}  // namespace
}  // namespace dvi

int main(int argc, char** argv) {
  try {
    fmt::print("LibTorch computes on: {}; processor threads: {}\n\n", dvi::torch_device(), dvi::threads());
    fmt::print(
        "| samples | step | processor s | LibTorch s | agreement |\n| --- | --- | --- | --- | --- |\n");
    if (argc < 3) dvi::compare(60'000, 512);
    for (int a = 1; a + 1 < argc; a += 2) dvi::compare(std::atoll(argv[a]), std::atoll(argv[a + 1]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "device_fit: {}\n", error.what());
    return 1;
  }
}
