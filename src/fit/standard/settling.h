// How the default preset fits its epochs together in time.
//
// An epoch that is placed by itself, or only knows the one before, wanders: its steps are as long as they
// must be, but they do not add up to a way. Once all epochs are placed they are relaxed together, each sample
// between its places in the epoch before and in the one after, so that it moves as far as its features do and
// as it must to stay among its neighbours.
#pragma once

#include <functional>
#include <span>

#include "fit/standard/springs.h"

namespace dvi {

/// Samples of one epoch that can be relaxed.
class Settled {
 public:
  virtual ~Settled() = default;
  /// Moves the samples, held by springs to where they are in the epochs before and after.
  virtual void relax(const SpringEnds& before, const SpringEnds& after) = 0;
  virtual Matrix sample_positions() const = 0;  ///< [n, 2]
  /// Stiffness of the springs to the epoch before, [n]; empty at the first.
  virtual std::span<const float> springs() const = 0;
};

/// Relaxes consecutive epochs, `sweeps` times over all, forwards and back in turn. `before`: positions [n, 2]
/// of the epoch before the first, which stay as they are; empty if there is none. `on_step(i, of)` is called
/// after each epoch.
void settle(std::span<Settled* const> epochs, MatrixView before, int sweeps,
            const std::function<void(int, int)>& on_step = {});

}  // namespace dvi
