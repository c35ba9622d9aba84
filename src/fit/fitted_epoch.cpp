#include "fit/fitted_epoch.h"

#include <algorithm>

namespace dvi {

FittedEpoch fitted_epoch(const EpochData& data, const Projection& projection, ClassifierSnapshot classifier) {
  return {data.number, projection.model, projection.positions, std::move(classifier), projection.state};
}

FittedEpoch load_fitted_epoch(const ViewEpoch& stored, const Preset& preset) {
  FittedEpoch out;
  out.number = stored.number();
  out.model = load_autoencoder(stored);
  out.positions = Matrix(static_cast<int64_t>(stored.positions().size()) / 2, 2);
  std::ranges::copy(stored.positions(), out.positions.data());
  out.classifier.predictions.assign(stored.predictions().begin(), stored.predictions().end());
  out.classifier.neighbors.assign(stored.neighbors().begin(), stored.neighbors().end());
  out.classifier.neighbor_count = stored.neighbor_count();
  out.state = preset.load_state(stored.folder(), out.positions.rows());
  return out;
}

}  // namespace dvi
