#include "vis/backend/torch/device_layout.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "graph/backend/torch/device.h"
#include "vis/layout_steps.h"
#include "vis/repulsion_grid.h"

namespace dvi {
namespace {

using at::Tensor;

class Attraction {
 public:
  Attraction(const LayoutProblem& problem, at::Device device) {
    const EdgeList& edges = *problem.edges;
    const int64_t points = edges.rows();
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < points; ++i)
      lengths.push_back(edges.begin[static_cast<size_t>(i) + 1] - edges.begin[static_cast<size_t>(i)]);
    const std::vector<int64_t> targets(edges.target.begin(), edges.target.end());
    const auto count = std::ssize(targets);
    lengths_ = upload(lengths.data(), {points}, at::kLong, device);
    target_ = upload(targets.data(), {count}, at::kLong, device);
    weight_ = upload(edges.weight.data(), {count}, at::kFloat, device) * attraction_scale(problem);
    row_ = at::repeat_interleave(at::arange(points, target_.options()), lengths_);
  }

  /// [points, 2] sums of w / (1 + d^2) (y_i - y_j), scaled to probabilities.
  Tensor forces(const Tensor& positions) const {
    const Tensor way = positions.index_select(0, row_) - positions.index_select(0, target_);
    const Tensor pull = weight_ / (way.square().sum(1) + 1);
    return at::segment_reduce(way * pull.unsqueeze(1), "sum", lengths_, {}, {}, 0, /*unsafe=*/true, 0);
  }

 private:
  Tensor lengths_, target_, weight_, row_;
};

/// RepulsionField (vis/repulsion_field.h) with LibTorch's transforms.
class Repulsion {
 public:
  /// [points, 2] forces over the normaliser.
  Tensor forces(const Tensor& positions) {
    const Tensor box = at::cat({positions.amin(0), positions.amax(0)}).cpu();
    const float* corners = box.data_ptr<float>();
    if (grid_.cover(corners, corners + 2)) transform_kernels(positions.options());

    const Tensor origin = at::tensor({grid_.x0, grid_.y0}, at::kFloat).to(positions.device());
    const Tensor at_node = (positions - origin) / grid_.spacing, below = at_node.floor(), t = at_node - below;
    // Cubic Lagrange weights of the four nodes around a point, on each axis: [points, 2, 4].
    const Tensor w = at::stack({t * (t - 1) * (t - 2) * (-1.f / 6), (t + 1) * (t - 1) * (t - 2) * 0.5f,
                                (t + 1) * t * (t - 2) * -0.5f, (t + 1) * t * (t - 1) * (1.f / 6)},
                               2);
    const Tensor four = at::arange(-1, 3, positions.options().dtype(at::kLong));
    const Tensor node = below.to(at::kLong).unsqueeze(2) + four;
    const Tensor places = (node.select(1, 1).unsqueeze(2) * grid_.nodes + node.select(1, 0).unsqueeze(1))
                              .reshape({-1, 16}),
                 weights = (w.select(1, 1).unsqueeze(2) * w.select(1, 0).unsqueeze(1)).reshape({-1, 16});

    const Tensor units = (weights * RepulsionGrid::charge_unit).to(at::kLong);
    const Tensor charge = at::zeros({grid_.nodes * grid_.nodes}, units.options())
                              .index_add_(0, places.reshape(-1), units.reshape(-1));
    const int64_t length = 2 * grid_.nodes;
    const Tensor spectrum =
        at::fft_fft2((charge.to(at::kFloat) / RepulsionGrid::charge_unit).view({grid_.nodes, grid_.nodes}),
                     at::IntArrayRef{length, length});
    const Tensor power = at::view_as_real(spectrum).square().sum(2);
    const Tensor normaliser =
        ((power * normaliser_kernel_).sum(at::kDouble) / static_cast<double>(length * length) -
         positions.size(0))
            .clamp_min(1e-9);
    const Tensor field = at::view_as_real(at::fft_ifft2(spectrum * force_kernel_)
                                              .narrow(0, 0, grid_.nodes)
                                              .narrow(1, 0, grid_.nodes)
                                              .contiguous())
                             .view({-1, 2});
    const Tensor near = field.index_select(0, places.reshape(-1)).view({-1, 16, 2});
    return (near * weights.unsqueeze(2)).sum(1) / normaliser.to(at::kFloat);
  }

 private:
  void transform_kernels(const at::TensorOptions& options) {
    const int64_t length = 2 * grid_.nodes;
    Tensor way = at::arange(length, options);
    way = at::where(way <= grid_.nodes, way, way - length) * grid_.spacing;
    const Tensor dx = way.unsqueeze(0), dy = way.unsqueeze(1), k = 1 / (dx * dx + dy * dy + 1);
    normaliser_kernel_ = at::real(at::fft_fft2(k)).contiguous();
    force_kernel_ = at::fft_fft2(at::complex(k * k * dx, k * k * dy));
  }

  RepulsionGrid grid_;
  Tensor normaliser_kernel_, force_kernel_;
};

void run(const LayoutProblem& problem, std::span<const LayoutPhase> phases, MutMatrixView host,
         const std::function<void(int, int)>& on_iteration, at::Device device) {
  using namespace layout_steps;
  const c10::InferenceMode no_gradients;
  const Attraction attraction(problem, device);
  Repulsion repulsion;
  Tensor positions = upload(host, device), velocity = at::zeros_like(positions),
         gain = at::ones_like(positions);
  Tensor anchors, strength;
  if (!problem.anchor_strength.empty()) {
    anchors = upload(problem.anchors, device);
    strength = upload(problem.anchor_strength.data(), {host.rows, 1}, at::kFloat, device);
  }
  const auto download = [&] {
    const Tensor now = positions.contiguous().cpu();
    std::copy_n(now.data_ptr<float>(), 2 * host.rows, host.data);
  };
  const int total = std::accumulate(phases.begin(), phases.end(), 0,
                                    [](int sum, const LayoutPhase& p) { return sum + p.iterations; });
  int done = 0;
  for (const auto& phase : phases) {
    LayoutFrame* const frame = phase.framed ? problem.frame : nullptr;
    if (frame != nullptr && frame->side == 0) {
      download();
      *frame = set_frame(host);
      positions = upload(host, device);
    }
    const double rate = static_cast<double>(host.rows) / std::max(1.0, phase.exaggeration);
    Tensor low;
    if (frame != nullptr) low = at::tensor({frame->x0, frame->y0}, at::kFloat).to(device);
    for (int iteration = 0; iteration < phase.iterations; ++iteration) {
      const Tensor force = attraction.forces(positions) * phase.exaggeration - repulsion.forces(positions);
      const Tensor same = (force > 0).eq(velocity > 0);
      gain = at::where(same, gain * 0.8f, gain + 0.2f).clamp_min_(least_gain);
      velocity = velocity * phase.momentum - gain * force * rate;
      const Tensor length = velocity.square().sum(1, true).sqrt_().clamp_min_(1e-30);
      Tensor moved = positions + velocity * (longest_step / length).clamp_max_(1);
      if (strength.defined()) {
        const Tensor hold = strength * (rate / static_cast<double>(host.rows));
        moved = (moved + hold * anchors) / (hold + 1);
      }
      if (frame != nullptr) {
        const Tensor inside = at::min(at::max(moved, low), low + frame->side);
        moved = inside + (moved - inside) * frame_softness;
      }
      velocity = moved - positions;
      positions = moved;
      if (on_iteration) on_iteration(++done, total);
    }
  }
  download();
}

void run_on_device(const LayoutProblem& problem, std::span<const LayoutPhase> phases, MutMatrixView positions,
                   const std::function<void(int, int)>& on_iteration) {
  on_device("the layout", "use --device cpu",
            [&](at::Device device) { run(problem, phases, positions, on_iteration, device); });
}

const decltype(run_device_layout)::Implementation implementation(run_device_layout, run_on_device);

}  // namespace
}  // namespace dvi
