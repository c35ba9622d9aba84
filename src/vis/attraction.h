// What the edges of a layout's points pull: the inner loop of vis/layout.h.
#pragma once

#include <cstdint>

namespace dvi {

/// force[0], force[1] = the sums over a row's `n` edges of w / (1 + d^2) * (p - q), where p = (x, y) is the
/// row's point, q its edge's target, d their distance and w the edge's weight. `positions` holds x and y of
/// each point. By the widest instructions of the processor.
void attraction(const int32_t* target, const float* weight, int64_t n, float x, float y,
                const float* positions, float* force);
/// The same in plain C++, for tests and other processors. Differs by rounding.
void attraction_portable(const int32_t* target, const float* weight, int64_t n, float x, float y,
                         const float* positions, float* force);

}  // namespace dvi
