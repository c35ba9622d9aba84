#include "vis/backend/torch/device_layout.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "graph/backend/torch/device.h"
#include "vis/backend/torch/device_steps.h"
#include "vis/layout_steps.h"
#include "vis/repulsion_grid.h"

namespace dvi {
namespace {

using at::Tensor;

class Attraction {
 public:
  Attraction(const LayoutProblem& problem, at::Device device) {
    const EdgeList& edges = *problem.edges;
    const int64_t points = edges.rows(), count = edges.size();
    begin_ = upload(edges.begin.data(), {points + 1}, at::kLong, device);
    target_ = upload(edges.target.data(), {count}, at::kInt, device);
    weight_ = upload(edges.weight.data(), {count, 1}, at::kFloat, device).mul_(attraction_scale(problem));
    row_ = at::repeat_interleave(at::arange(points, target_.options()), begin_.diff());
  }

  /// [points, 2] sums of w / (1 + d^2) (y_i - y_j), scaled to probabilities.
  Tensor forces(const Tensor& positions) const {
    const Tensor way = positions.index_select(0, row_).sub_(positions.index_select(0, target_));
    const Tensor pull = weight_ / (way.square().sum(1, true).add_(1));
    return at::segment_reduce(way.mul_(pull), "sum", {}, {}, begin_, 0, /*unsafe=*/true, 0);
  }

 private:
  Tensor begin_, target_, weight_, row_;
};

/// RepulsionField (vis/repulsion_field.h) with LibTorch's transforms. The grid has as many nodes as it is
/// told and follows the points by itself, so that no step waits for the host.
class Repulsion {
 public:
  /// Whether the grid got another number of nodes a side, to suit the positions.
  bool fit_grid(const Tensor& positions) {
    const Tensor box = at::cat({positions.amin(0), positions.amax(0)}).cpu();
    RepulsionGrid grid;
    grid.cover(box.data_ptr<float>(), box.data_ptr<float>() + 2);
    if (nodes_ >= grid.nodes && nodes_ <= 2 * grid.nodes) return false;
    // With room to grow.
    nodes_ = Fft::good_length(std::min(RepulsionGrid::most_nodes, grid.nodes + grid.nodes / 4));
    const Tensor way = at::arange(2 * nodes_, positions.options());
    way_ = at::where(way <= static_cast<double>(nodes_), way, way - static_cast<double>(2 * nodes_));
    four_ = at::arange(-1, 3, positions.options().dtype(at::kLong));
    return true;
  }

  /// [points, 2] forces over the normaliser.
  Tensor forces(const Tensor& positions) const {
    const Tensor low = positions.amin(0), high = positions.amax(0);
    const Tensor spacing = (high - low).amax().clamp_min_(1e-3).div_(static_cast<double>(nodes_ - 6));
    const Tensor origin = (low + high - spacing * static_cast<double>(nodes_ - 1)).mul_(0.5);
    const Tensor at_node = (positions - origin).div_(spacing), below = at_node.floor(), t = at_node - below;
    // Cubic Lagrange weights of the four nodes around a point, on each axis: [points, 2, 4].
    const Tensor w = at::stack({t * (t - 1) * (t - 2) * (-1.f / 6), (t + 1) * (t - 1) * (t - 2) * 0.5f,
                                (t + 1) * t * (t - 2) * -0.5f, (t + 1) * t * (t - 1) * (1.f / 6)},
                               2);
    const Tensor node = below.to(at::kLong).unsqueeze(2) + four_;
    const Tensor places =
        (node.select(1, 1).unsqueeze(2) * nodes_ + node.select(1, 0).unsqueeze(1)).reshape({-1});
    const Tensor weights = (w.select(1, 1).unsqueeze(2) * w.select(1, 0).unsqueeze(1)).reshape({-1});

    const Tensor units = (weights * RepulsionGrid::charge_unit).to(at::kLong);
    const Tensor charge = at::zeros({nodes_ * nodes_}, units.options()).index_add_(0, places, units);
    const int64_t length = 2 * nodes_;
    const Tensor spectrum =
        at::fft_fft2(charge.to(at::kFloat).div_(RepulsionGrid::charge_unit).view({nodes_, nodes_}),
                     at::IntArrayRef{length, length});
    const Tensor way = way_ * spacing, dx = way.unsqueeze(0), dy = way.unsqueeze(1);
    const Tensor kernel = (dx.square() + dy.square()).add_(1).reciprocal_(), square = kernel.square();
    const Tensor power = at::view_as_real(spectrum).square().sum(2);
    const Tensor normaliser = power.mul_(at::real(at::fft_fft2(kernel)))
                                  .sum(at::kDouble)
                                  .div_(static_cast<double>(length * length))
                                  .sub_(positions.size(0))
                                  .clamp_min_(1e-9);
    const Tensor force_kernel = at::fft_fft2(at::complex(square * dx, square * dy));
    const Tensor field =
        at::view_as_real(
            at::fft_ifft2(spectrum * force_kernel).narrow(0, 0, nodes_).narrow(1, 0, nodes_).contiguous())
            .view({-1, 2});
    const Tensor near = field.index_select(0, places).mul_(weights.unsqueeze(1)).view({-1, 16, 2});
    return near.sum(1).div_(normaliser.to(at::kFloat));
  }

 private:
  int64_t nodes_ = 0;
  Tensor way_, four_;
};

class Movement {
 public:
  Movement(const LayoutProblem& problem, MatrixView start, at::Device device)
      : positions(upload(start, device)),
        attraction_(problem, device),
        velocity_(at::zeros_like(positions)),
        gain_(at::ones_like(positions)) {
    if (problem.anchor_strength.empty()) return;
    anchors_ = upload(problem.anchors, device);
    strength_ = upload(problem.anchor_strength.data(), {start.rows, 1}, at::kFloat, device);
  }

  /// Whether step() does other work than before.
  bool fit_grid() { return repulsion_.fit_grid(positions); }

  /// One iteration, in place.
  void step(const LayoutPhase& phase, const LayoutFrame* frame) {
    using namespace layout_steps;
    const double divisor = std::max(1.0, phase.exaggeration),
                 rate = static_cast<double>(positions.size(0)) / divisor;
    const Tensor force =
        attraction_.forces(positions).mul_(phase.exaggeration).sub_(repulsion_.forces(positions));
    const Tensor same = (force > 0).eq(velocity_ > 0);
    gain_.copy_(at::where(same, gain_ * 0.8f, gain_ + 0.2f).clamp_min_(least_gain));
    velocity_.mul_(phase.momentum).sub_(force.mul_(gain_).mul_(rate));
    const Tensor length = velocity_.square().sum(1, true).sqrt_().clamp_min_(1e-30);
    Tensor moved = positions + velocity_ * length.reciprocal_().mul_(longest_step).clamp_max_(1);
    if (strength_.defined()) {
      const Tensor hold = strength_ / divisor;
      moved = moved.add_(hold * anchors_).div_(hold + 1);
    }
    if (frame != nullptr) {
      const auto drawn_back = [&](int64_t axis, float low) {
        const Tensor at = moved.select(1, axis), inside = at.clamp(low, low + frame->side);
        at.sub_(inside).mul_(frame_softness).add_(inside);
      };
      drawn_back(0, frame->x0);
      drawn_back(1, frame->y0);
    }
    velocity_.copy_(moved - positions);
    positions.copy_(moved);
  }

  Tensor positions;

 private:
  Attraction attraction_;
  Repulsion repulsion_;
  Tensor velocity_, gain_, anchors_, strength_;
};

void run(const LayoutProblem& problem, std::span<const LayoutPhase> phases, MutMatrixView host,
         const std::function<void(int, int)>& on_iteration, at::Device device) {
  constexpr int64_t steps_between_looks = 25;  // at how large the picture is
  const c10::InferenceMode no_gradients;
  Movement movement(problem, host, device);
  const auto download = [&](MutMatrixView to) {
    const Tensor now = movement.positions.cpu();
    std::copy_n(now.data_ptr<float>(), 2 * to.rows, to.data);
  };
  LayoutFrame frame = problem.frame != nullptr ? *problem.frame : LayoutFrame{};
  const int total = std::accumulate(phases.begin(), phases.end(), 0,
                                    [](int sum, const LayoutPhase& p) { return sum + p.iterations; });
  int done = 0;
  for (const auto& phase : phases) {
    const bool framed = phase.framed && problem.frame != nullptr;
    if (framed && frame.side == 0) {
      Matrix now(host.rows, 2);
      download(now.mut());
      frame = set_frame(now.mut());
      movement.positions.copy_(upload(now, device));
    }
    std::optional<DeviceSteps> steps;
    for (int64_t left = phase.iterations; left > 0;) {
      const int64_t now = std::min(left, steps_between_looks);
      if (movement.fit_grid() || !steps)
        steps.emplace(device.is_cuda() ? DeviceSteps::How::captured : DeviceSteps::How::host);
      steps->run(
          now, [&] { movement.step(phase, framed ? &frame : nullptr); },
          [&](int64_t) {
            if (on_iteration) on_iteration(++done, total);
          });
      left -= now;
    }
  }
  download(host);
  if (problem.frame != nullptr) *problem.frame = frame;
}

void run_on_device(const LayoutProblem& problem, std::span<const LayoutPhase> phases, MutMatrixView positions,
                   const std::function<void(int, int)>& on_iteration) {
  on_device("the layout", "use --device cpu",
            [&](at::Device device) { run(problem, phases, positions, on_iteration, device); });
}

const decltype(run_device_layout)::Implementation implementation(run_device_layout, run_on_device);

}  // namespace
}  // namespace dvi
