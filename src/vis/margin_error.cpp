#include "vis/margin_error.h"

#include <algorithm>
#include <cmath>

namespace dvi {

double margin_error(const Verdict& verdict, std::span<const float> logits, float weight,
                    std::span<float> gradient) {
  const auto own = static_cast<size_t>(verdict.prediction);
  size_t other = own == 0 ? 1 : 0;
  for (size_t c = 0; c < logits.size(); ++c)
    if (c != own && logits[c] > logits[other]) other = c;
  const float lead = logits[own] - logits[other];
  if (logits.size() == 2) {
    const float margin = std::tanh(lead / 2), error = margin - verdict.margin;
    const float by_lead = weight * error * (1 - margin * margin);
    gradient[own] += by_lead;
    gradient[other] -= by_lead;
    return error * error;
  }
  constexpr float least_range = 1e-3f;  // all logits equal
  const auto [low, high] = std::ranges::minmax_element(logits);
  const float range = std::max(*high - *low, least_range);
  const float error = lead / range - verdict.margin, scale = 2 * weight * error / range;
  gradient[own] += scale;
  gradient[other] -= scale;
  const float by_range = scale * lead / range;
  gradient[static_cast<size_t>(high - logits.begin())] -= by_range;
  gradient[static_cast<size_t>(low - logits.begin())] += by_range;
  return error * error;
}

}  // namespace dvi
