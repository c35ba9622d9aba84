#include "vis/places_beyond.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "graph/plane_neighbors.h"

namespace dvi {

Places with_places_beyond(MatrixView positions, int64_t samples, double share, uint64_t seed) {
  constexpr int64_t most_places = 4000, most_compared = 20'000;
  constexpr float width = 1.2f, among = 0.03f;  // in sides of the square around all points
  const int64_t n = positions.rows, stride = (samples + most_compared - 1) / most_compared;
  Places out;
  out.sources.resize(static_cast<size_t>(n));
  std::iota(out.sources.begin(), out.sources.end(), 0);
  const auto drawn = std::min(most_places, static_cast<int64_t>(share * static_cast<double>(n)));
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < n; ++i)
    for (int c = 0; c < 2; ++c) {
      low[c] = std::min(low[c], positions(i, c));
      high[c] = std::max(high[c], positions(i, c));
    }
  const float side = std::max(high[0] - low[0], high[1] - low[1]);
  Matrix places(drawn, 2);
  Random random(seed, 0xbe7);
  for (int64_t p = 0; p < drawn; ++p)
    for (int c = 0; c < 2; ++c)
      places(p, c) = 0.5f * (low[c] + high[c]) + width * side * (static_cast<float>(random.uniform()) - 0.5f);
  std::vector<int32_t> compared;
  for (int64_t i = 0; i < samples; i += stride) compared.push_back(static_cast<int32_t>(i));
  const Neighbors nearest = PlaneIndex(positions, compared).nearest(places, 1);
  std::vector<float> kept(positions.data, positions.data + 2 * n);
  for (int64_t p = 0; p < drawn; ++p) {
    if (nearest.distances(p)[0] <= among * side) continue;
    kept.insert(kept.end(), places.row(p), places.row(p) + 2);
    out.sources.push_back(nearest.row(p)[0]);
  }
  out.at = Matrix(static_cast<int64_t>(out.sources.size()), 2);
  std::copy(kept.begin(), kept.end(), out.at.data());
  return out;
}

}  // namespace dvi
