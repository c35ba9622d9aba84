#include "vis/landmarks.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "graph/plane_neighbors.h"

namespace dvi {

Matrix find_landmarks(MatrixView positions, int64_t count, const Matrix* before, uint64_t seed) {
  constexpr int64_t enough_for_each = 20;  // points
  constexpr int rounds = 6, rounds_of_known = 2;
  count = std::min(count, positions.rows);
  // Points in a random order: the first ones are where landmarks start, and as many as are enough are looked
  // at.
  std::vector<int32_t> order(static_cast<size_t>(positions.rows));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
  Random random(seed, 0x1a4d);
  const auto drawn = static_cast<size_t>(std::min(positions.rows, enough_for_each * count));
  for (size_t i = 0; i < drawn; ++i)
    std::swap(order[i], order[i + static_cast<size_t>(random.below(order.size() - i))]);
  const Matrix points = gather_rows(positions, std::span(order).first(drawn));
  const bool known = before != nullptr && before->rows() == count;
  Matrix landmarks =
      known ? *before : gather_rows(positions, std::span(order).first(static_cast<size_t>(count)));
  for (int round = 0; round < (known ? rounds_of_known : rounds); ++round) {
    const Neighbors nearest = PlaneIndex(landmarks).nearest(points, 1);
    std::vector<double> sums(static_cast<size_t>(3 * count), 0.0);  // x, y, points
    for (int64_t i = 0; i < points.rows(); ++i) {
      double* const sum = sums.data() + 3 * nearest.row(i)[0];
      sum[0] += points(i, 0);
      sum[1] += points(i, 1);
      ++sum[2];
    }
    for (int64_t k = 0; k < count; ++k)
      for (int c = 0; c < 2; ++c)
        if (sums[static_cast<size_t>(3 * k + 2)] > 0)
          landmarks(k, c) =
              static_cast<float>(sums[static_cast<size_t>(3 * k + c)] / sums[static_cast<size_t>(3 * k + 2)]);
  }
  return landmarks;
}

LandmarkShares landmark_shares(MatrixView positions, MatrixView landmarks) {
  const Neighbors nearest = PlaneIndex(landmarks).nearest(positions, 4);
  LandmarkShares out;
  out.per_point = nearest.k;
  out.landmarks.assign(nearest.index.begin(), nearest.index.end());
  double square = 0;
  for (int64_t i = 0; i < positions.rows; ++i) square += std::pow(nearest.distances(i)[0], 2);
  const double width = 2 * square / static_cast<double>(positions.rows);
  for (int64_t i = 0; i < positions.rows; ++i) {
    const auto distances = nearest.distances(i);
    const double first = std::pow(distances[0], 2);
    double shares[4], sum = 0;
    for (size_t r = 0; r < distances.size(); ++r)
      sum += shares[r] = width > 0 ? std::exp((first - std::pow(distances[r], 2)) / width) : 1;
    for (size_t r = 0; r < distances.size(); ++r) out.shares.push_back(static_cast<float>(shares[r] / sum));
  }
  return out;
}

}  // namespace dvi
