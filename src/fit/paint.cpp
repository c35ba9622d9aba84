#include "fit/paint.h"

#include "landscape/plane_classifier.h"

namespace dvi {

std::optional<ViewExtent> view_extent(const View& view) {
  std::optional<ViewExtent> extent;
  for (const int number : view.epoch_numbers()) {
    const Extent bounds = extent_from_json(view.epoch(number)->json().at("bounds"));
    if (!extent) extent = {extent_from_json(view.json().at("extent")), bounds};
    extent->bounds = united(extent->bounds, bounds);
  }
  return extent;
}

ViewExtent extended(const std::optional<ViewExtent>& extent, const Extent& epoch_bounds) {
  if (!extent) return {square_around(epoch_bounds), epoch_bounds};
  const Extent bounds = united(extent->bounds, epoch_bounds);
  return {grown(extent->shown, epoch_bounds, bounds), bounds};
}

Painting paint(const Run& run, const View& view, const std::optional<ViewExtent>& extent,
               const EpochData& data, const Projection& projection) {
  Painting out;
  out.epoch_bounds = bounds_of(projection.positions);
  out.extent = extended(extent, out.epoch_bounds);
  out.extent_changed = !extent || !(extent->shown == out.extent.shown);
  const auto painted = [&](const PlaneDecoder& decoder, SubjectModel& subject) {
    return PlaneClassifier(decoder, subject).paint(out.extent.shown, territory_size);
  };
  out.landscape = painted(projection.model.decoder, *data.subject);
  if (out.extent_changed)
    for (const int number : view.epoch_numbers()) {
      if (number == data.number) continue;
      const auto subject = open_subject(run, run.epoch(number));
      out.repainted[number] = painted(load_autoencoder(*view.epoch(number)).decoder, *subject);
    }
  return out;
}

}  // namespace dvi
