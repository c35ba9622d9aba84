#include "vis/autoencoder.h"

#include <algorithm>

#include "core/error.h"

namespace dvi {

Autoencoder load_autoencoder(const ViewEpoch& epoch) {
  const auto weights = epoch.weights();
  const auto parameters = [](const std::vector<int64_t>& widths) {
    size_t count = 0;
    for (size_t l = 0; l + 1 < widths.size(); ++l)
      count += static_cast<size_t>((widths[l] + 1) * widths[l + 1]);
    return count;
  };
  const auto encoder = epoch.encoder_widths(), decoder = epoch.decoder_widths();
  const auto levels = epoch.decoder_grid();
  FeatureGrid grid(levels.sizes, {levels.x0, levels.y0, levels.side});
  Matrix landmarks(epoch.encoder_landmarks(), 2);
  const auto of_landmarks = static_cast<size_t>(2 * landmarks.rows());
  const size_t of_encoder = parameters(encoder), of_grid = grid.parameters().size();
  const size_t expected = of_encoder + of_landmarks + of_grid + parameters(decoder);
  const int64_t encoder_output = landmarks.rows() > 0 ? landmarks.rows() : 2;
  const int64_t decoder_input = levels.sizes.empty() ? 2 : grid.width();
  if (weights.size() != expected || encoder.size() < 2 || encoder.back() != encoder_output ||
      decoder.size() < 2 || decoder.front() != decoder_input)
    fail(
        "{}: expected {} weights for the layers in view_epoch.json, found {}; fit the view again with "
        "--force",
        (epoch.folder() / "weights.npy").string(), expected, weights.size());
  const auto landmarks_begin = weights.begin() + static_cast<std::ptrdiff_t>(of_encoder);
  const auto grid_begin = landmarks_begin + static_cast<std::ptrdiff_t>(of_landmarks);
  const auto network_begin = grid_begin + static_cast<std::ptrdiff_t>(of_grid);
  std::copy(landmarks_begin, grid_begin, landmarks.data());
  std::copy(grid_begin, network_begin, grid.parameters().begin());
  return {{Mlp(encoder, {weights.begin(), landmarks_begin}), std::move(landmarks)},
          {std::move(grid), Mlp(decoder, {network_begin, weights.end()})}};
}

}  // namespace dvi
