#include "graph/backend/torch/device_fuzzy_set.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/backend/torch/device.h"
#include "graph/fuzzy_set.h"

namespace dvi {
namespace {

using at::Tensor;

std::vector<float> strengths(const Neighbors& neighbors, double mean_distance, at::Device device) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const c10::InferenceMode no_gradients;
  const int64_t n = neighbors.size(), k = neighbors.k;
  const Tensor distance = upload(neighbors.distance.data(), {n, k}, at::kFloat, device).to(at::kDouble);
  Tensor rho = at::where(distance > 0, distance, infinity).amin(1, true);
  rho = at::where(rho.isinf(), 0, rho);
  const Tensor beyond = distance - rho, certain = beyond <= 0;
  const auto strength = [&](const Tensor& sigma) { return at::where(certain, 1, (-beyond / sigma).exp()); };

  const double target = std::log2(static_cast<double>(k));
  Tensor low = at::zeros_like(rho), high = at::full_like(rho, infinity), sigma = at::ones_like(rho);
  for (int step = 0; step < fuzzy_set_steps; ++step) {
    const Tensor over = strength(sigma).sum(1, true).sub_(target);
    const Tensor narrower = over > 0;
    high = at::where(narrower, sigma, high);
    low = at::where(narrower, low, sigma);
    const Tensor next = at::where(high.isinf(), sigma * 2, (low + high) / 2);
    sigma = at::where(over.abs() < fuzzy_set_tolerance, sigma, next);
  }
  const Tensor least = at::where(rho > 0, distance.mean(1, true), mean_distance) * least_bandwidth;
  const Tensor out = strength(at::max(sigma, least)).to(at::kFloat).cpu().contiguous();
  return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
}

std::vector<float> run(const Neighbors& neighbors, double mean_distance) {
  return on_device("finding fuzzy sets", "use --device cpu",
                   [&](at::Device device) { return strengths(neighbors, mean_distance, device); });
}

const decltype(device_membership_strengths)::Implementation implementation(device_membership_strengths, run);

}  // namespace
}  // namespace dvi
