#include "fit/standard/settling.h"

#include <vector>

namespace dvi {

void settle(std::span<Settled* const> epochs, MatrixView before, int sweeps,
            const std::function<void(int, int)>& on_step) {
  std::vector<Matrix> shown;
  for (const auto* epoch : epochs) shown.push_back(epoch->sample_positions());
  const size_t count = epochs.size();
  const int steps = sweeps * static_cast<int>(count);
  int done = 0;
  for (int sweep = 0; sweep < sweeps; ++sweep)
    for (size_t i = 0; i < count; ++i) {
      const size_t e = sweep % 2 == 0 ? i : count - 1 - i;
      SpringEnds past{before, epochs[e]->springs()}, future;
      if (e > 0) past.positions = shown[e - 1];
      if (e + 1 < count) future = {shown[e + 1], epochs[e + 1]->springs()};
      epochs[e]->relax(past, future);
      shown[e] = epochs[e]->sample_positions();
      if (on_step) on_step(++done, steps);
    }
}

}  // namespace dvi
