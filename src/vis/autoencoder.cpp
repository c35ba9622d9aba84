#include "vis/autoencoder.h"

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
  const size_t split = parameters(encoder);
  if (weights.size() != split + parameters(decoder) || decoder.size() < 2 || decoder.front() != 2)
    fail(
        "{}: expected {} weights for the layers in view_epoch.json, found {}; fit the view again with "
        "--force",
        (epoch.folder() / "weights.npy").string(), split + parameters(decoder), weights.size());
  return {Mlp(encoder, {weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(split)}),
          Mlp(decoder, {weights.begin() + static_cast<std::ptrdiff_t>(split), weights.end()})};
}

}  // namespace dvi
