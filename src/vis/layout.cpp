#include "vis/layout.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "comm/shared_for.h"
#include "core/device.h"
#include "core/parallel.h"
#include "vis/attraction.h"
#include "vis/backend/torch/device_layout.h"
#include "vis/layout_steps.h"
#include "vis/position_halo.h"
#include "vis/repulsion_field.h"

namespace dvi {

constinit PluginFunction<void(const LayoutProblem&, std::span<const LayoutPhase>, MutMatrixView,
                              const std::function<void(int, int)>&)>
    run_device_layout("lay out on a graphics processor");

namespace {

using namespace layout_steps;

/// The box around all but the outermost hundredth of `positions` on each side.
struct InnerBox {
  float low[2], high[2];
  float width(int c) const { return high[c] - low[c]; }
  float middle(int c) const { return 0.5f * (low[c] + high[c]); }
};

InnerBox inner_box(MatrixView positions) {
  InnerBox box{};
  for (int c = 0; c < 2; ++c) {
    std::vector<float> values;
    for (int64_t i = 0; i < positions.rows; ++i) values.push_back(positions(i, c));
    const auto outermost = static_cast<std::ptrdiff_t>(values.size() / 100);
    const auto at = [&](std::ptrdiff_t rank) {
      std::nth_element(values.begin(), values.begin() + rank, values.end());
      return values[static_cast<size_t>(rank)];
    };
    box.low[c] = at(outermost);
    box.high[c] = at(std::ssize(values) - 1 - outermost);
  }
  return box;
}

/// Stretches one axis and shortens the other, so that the box around most positions is a square of the same
/// area.
void make_square(MutMatrixView positions) {
  constexpr float most = 2;
  const InnerBox box = inner_box(positions);
  if (!(box.width(0) > 0) || !(box.width(1) > 0)) return;
  const float stretch = std::clamp(std::sqrt(box.width(1) / box.width(0)), 1 / most, most);
  for (int64_t i = 0; i < positions.rows; ++i) {
    positions(i, 0) = box.middle(0) + (positions(i, 0) - box.middle(0)) * stretch;
    positions(i, 1) = box.middle(1) + (positions(i, 1) - box.middle(1)) / stretch;
  }
}

/// Of all ranks' edges. Summed as whole numbers, so that their order does not matter.
double total_weight(const EdgeList& edges) {
  constexpr double unit = 0x1p32;
  constexpr int64_t piece = 1 << 16;
  std::atomic<int64_t> own = 0;
  parallel_for(edges.size(), piece, [&](int64_t begin, int64_t end, int) {
    int64_t sum = 0;
    for (int64_t e = begin; e < end; ++e) sum += std::llround(edges.weight[static_cast<size_t>(e)] * unit);
    own += sum;
  });
  int64_t total = own;
  comm().sum({&total, 1});
  return static_cast<double>(total) / unit;
}

}  // namespace

LayoutFrame frame_around(MatrixView positions, double room) {
  const InnerBox box = inner_box(positions);
  const double area = std::max(1e-6, static_cast<double>(box.width(0)) * box.width(1));
  const auto side = static_cast<float>(room * std::sqrt(area));
  return {box.middle(0) - 0.5f * side, box.middle(1) - 0.5f * side, side};
}

LayoutFrame set_frame(MutMatrixView positions) {
  // Classes lie in a row as often as not, and what has grown long stays so within a square.
  make_square(positions);
  return frame_around(positions, layout_steps::frame_room);
}

float attraction_scale(const LayoutProblem& problem) {
  return static_cast<float>(1 / total_weight(*problem.edges));
}

void run_layout(const LayoutProblem& problem, std::span<const LayoutPhase> phases, MutMatrixView positions,
                const std::function<void(int, int)>& on_iteration) {
  const int64_t n = positions.rows;
  if (one_process_with_cuda() &&
      tried_on_device([&] { run_device_layout(problem, phases, positions, on_iteration); }))
    return;
  const float scale = attraction_scale(problem);
  const RowRange own = owned_rows(n);  // the points that this rank moves
  const EdgeList& edges = *problem.edges;
  const auto for_owned = [&](int64_t grain, const auto& move) {
    parallel_for(own.size(), grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) move(own.begin + row, row);
    });
  };
  PositionHalo halo(edges, n);

  Matrix velocity(n, 2), gain(n, 2), force(n, 2);
  std::fill(gain.data(), gain.data() + 2 * n, 1.f);
  RepulsionField field;
  const int total = std::accumulate(phases.begin(), phases.end(), 0,
                                    [](int sum, const LayoutPhase& p) { return sum + p.iterations; });
  int done = 0;
  for (const auto& phase : phases) {
    const auto exaggeration = static_cast<float>(phase.exaggeration),
               momentum = static_cast<float>(phase.momentum);
    LayoutFrame* const frame = phase.framed ? problem.frame : nullptr;
    if (frame != nullptr && frame->side == 0) {
      gather_owned(positions);
      *frame = set_frame(positions);
    }
    // Belkina et al. (Nature Communications 2019): a step of n / exaggeration suits every size.
    const float rate = static_cast<float>(n) / std::max(1.f, exaggeration);
    for (int iteration = 0; iteration < phase.iterations; ++iteration) {
      const MatrixView owned = positions.slice(own.begin, own.size());
      field.set_sources(owned);
      field.forces(owned, force.mut().slice(own.begin, own.size()));
      const auto repulsion_scale = static_cast<float>(1 / field.normaliser());
      for_owned(1024, [&](int64_t i, int64_t row) {
        const float x = positions(i, 0), y = positions(i, 1);
        const int64_t first = edges.begin[static_cast<size_t>(row)];
        float attracted[2];
        attraction(edges.target.data() + first, edges.weight.data() + first,
                   edges.begin[static_cast<size_t>(row) + 1] - first, x, y, positions.data, attracted);
        const float pull = exaggeration * scale;
        for (int c = 0; c < 2; ++c) force(i, c) = pull * attracted[c] - repulsion_scale * force(i, c);
      });
      // Only now, since attraction read its neighbours' old positions.
      for_owned(8192, [&](int64_t i, int64_t) {
        for (int c = 0; c < 2; ++c) {
          const bool same = (force(i, c) > 0) == (velocity(i, c) > 0);
          gain(i, c) = std::max(same ? gain(i, c) * 0.8f : gain(i, c) + 0.2f, least_gain);
          velocity(i, c) = momentum * velocity(i, c) - rate * gain(i, c) * force(i, c);
        }
        const float length = std::sqrt(velocity(i, 0) * velocity(i, 0) + velocity(i, 1) * velocity(i, 1));
        const float shorten = length > longest_step ? longest_step / length : 1.f;
        // The anchor's pull is taken at the new position (an implicit step), so that no strength can
        // overshoot.
        const float hold = problem.anchor_strength.empty() ? 0.f
                                                           : problem.anchor_strength[static_cast<size_t>(i)] *
                                                                 rate / static_cast<float>(n);
        for (int c = 0; c < 2; ++c) {
          float moved = positions(i, c) + velocity(i, c) * shorten;
          if (hold > 0) moved = (moved + hold * problem.anchors(i, c)) / (1 + hold);
          if (frame != nullptr) {
            const float low = c == 0 ? frame->x0 : frame->y0,
                        inside = std::clamp(moved, low, low + frame->side);
            moved = inside + frame_softness * (moved - inside);
          }
          velocity(i, c) = moved - positions(i, c);
          positions(i, c) = moved;
        }
      });
      halo.refresh(positions);
      if (on_iteration) on_iteration(++done, total);
    }
  }
  gather_owned(positions);
}

}  // namespace dvi
