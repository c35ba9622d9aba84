#include "fit/fitted_epoch.h"

#include <algorithm>

#include "comm/shared_for.h"

namespace dvi {

FittedEpoch fitted_epoch(const EpochData& data, const Projection& projection, ClassifierSnapshot classifier) {
  return {data.number, projection.model, projection.positions, std::move(classifier), projection.state};
}

FittedEpoch load_fitted_epoch(const ViewEpoch& stored, const SampleSets& sets, const Preset& preset) {
  FittedEpoch out;
  out.number = stored.number();
  out.model = load_autoencoder(stored);
  out.positions = Matrix(static_cast<int64_t>(stored.positions().size()) / 2, 2);
  std::ranges::copy(stored.positions(), out.positions.data());
  out.classifier.predictions.assign(stored.predictions().begin(), stored.predictions().end());
  SampleNeighbors& near = out.classifier.neighbors;
  near.k = stored.neighbor_count();
  const auto take = [&](std::span<const int32_t> ids, std::vector<int32_t>& to) {
    for (const int32_t id : ids) {
      const auto from = stored.neighbors().begin() + id * near.k;
      to.insert(to.end(), from, from + near.k);
    }
  };
  const RowRange own = owned_rows(static_cast<int64_t>(sets.train.size()));
  take(std::span(sets.train).subspan(static_cast<size_t>(own.begin), static_cast<size_t>(own.size())),
       near.train);
  take(sets.other_ids, near.other);
  out.state = preset.load_state(stored.folder(), sets);
  return out;
}

}  // namespace dvi
