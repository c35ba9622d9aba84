#include "fit/standard_preset.h"

#include <algorithm>

#include "core/progress.h"
#include "fit/epoch_layout.h"
#include "fit/placement.h"
#include "vis/distill.h"

namespace dvi {
namespace {

class Standard {
 public:
  Standard(const EpochLayout& layout, const PreviousEpoch* previous, uint64_t seed)
      : layout_(layout),
        sets_(layout.sets()),
        data_(layout.data()),
        options_(layout.options()),
        points_(layout.points()),
        previous_(previous),
        seed_(seed) {}

  Projection run(std::span<const EpochLayout* const> after) {
    Projection out;
    out.seconds = layout_.seconds();
    Stopwatch watch;
    const Matrix positions =
        layout_.settled(previous_ != nullptr ? previous_->positions.view() : MatrixView{}, after);
    out.seconds["layout"] += watch.lap();
    out.draft = layout_.draft();
    out.details["looked_ahead"] = after.size();

    train_networks(positions, out);
    out.seconds["train"] = watch.lap();
    place(positions, out);
    bring_home(out);
    out.seconds["place"] = watch.lap();
    return out;
  }

 private:
  void train_networks(const Matrix& positions, Projection& out) const {
    // Networks learn from active points only: the samples and the boundary samples of the fit.
    const int64_t c = data_.logits.cols();
    Matrix logits(points_.active(), c);
    for (int64_t i = 0; i < points_.train; ++i)
      std::copy_n(data_.logits.row(sets_.train[static_cast<size_t>(i)]), c, logits.row(i));
    if (points_.boundary > 0)
      std::copy_n(data_.boundary.logits.data(), points_.boundary * c, logits.row(points_.train));
    DistillTask task;
    Matrix copy;
    task.features = view_rows(data_.features, sets_.train, copy);
    if (points_.boundary > 0) task.more_features = data_.boundary.features;
    for (int64_t i = 0; i < points_.active(); ++i)
      task.visits.insert(task.visits.end(),
                         static_cast<size_t>(i < points_.train ? 1 : options_.boundary_visits),
                         static_cast<int32_t>(i));
    task.logits = logits;
    task.positions = positions.view().slice(0, points_.active());
    task.subject = data_.subject.get();
    task.previous = previous_ != nullptr ? &previous_->model : nullptr;
    task.seed = seed_ * 7919 + static_cast<uint64_t>(data_.number);
    DistillOptions options;
    options.reconstruction_weight = options_.reconstruction_weight;
    options.steps = previous_ == nullptr ? options_.first_steps : options_.following_steps;
    Progress progress(fmt::format("epoch {}: networks", data_.number), options.steps);
    DistillResult result = distill(task, options, [&](int64_t, int64_t) { progress.advance(); });
    out.model = std::move(result.model);
    out.details["steps"] = options.steps;
    out.details["device"] = result.device;
    out.details["encoder_error"] = result.encoder_error;
    out.details["decoder_error"] = result.decoder_error;
    out.details["divergence"] = result.divergence;
  }

  void place(const Matrix& positions, Projection& out) const {
    out.positions = layout_.by_sample(positions);
    out.boundary_positions = Matrix(data_.boundary.size(), 2);
    out.evaluation_boundary_positions = Matrix(data_.evaluation_boundary.size(), 2);
    if (points_.boundary > 0)
      std::copy_n(positions.row(points_.train), 2 * points_.boundary, out.boundary_positions.data());
    else if (data_.boundary.size() > 0)
      out.model.encoder.apply(data_.boundary.features, out.boundary_positions.mut());
    if (points_.evaluation > 0)
      std::copy_n(positions.row(points_.active() + points_.other), 2 * points_.evaluation,
                  out.evaluation_boundary_positions.data());
    else if (data_.evaluation_boundary.size() > 0)
      out.model.encoder.apply(data_.evaluation_boundary.features, out.evaluation_boundary_positions.mut());
  }

  void bring_home(Projection& out) const {
    std::vector<Home> homes;
    for (const auto& verdict : data_.verdicts) homes.push_back({verdict.prediction, -1});
    const auto add = [&](const BoundarySet& set, const Matrix& shown) {
      for (int64_t b = 0; b < shown.rows(); ++b)
        homes.push_back({set.classes[static_cast<size_t>(b)][0], set.classes[static_cast<size_t>(b)][1]});
    };
    add(data_.boundary, out.boundary_positions);
    add(data_.evaluation_boundary, out.evaluation_boundary_positions);
    Matrix all(static_cast<int64_t>(homes.size()), 2);
    Matrix* const parts[] = {&out.positions, &out.boundary_positions, &out.evaluation_boundary_positions};
    float* at = all.data();
    for (const Matrix* part : parts) at = std::copy_n(part->data(), 2 * part->rows(), at);
    PlaneClassifier classifier(out.model.decoder, *data_.subject);
    const Placed placed = place_at_home(classifier, homes, options_.home_reach, all.mut());
    const float* from = all.data();
    for (Matrix* part : parts) {
      std::copy_n(from, 2 * part->rows(), part->data());
      from += 2 * part->rows();
    }
    out.details["astray"] = placed.astray;
    out.details["brought_home"] = placed.moved;
    out.details["mean_way_home"] = placed.mean_move;
  }

  const EpochLayout& layout_;
  const SampleSets& sets_;
  const EpochData& data_;
  const StandardOptions& options_;
  const LayoutPoints& points_;
  const PreviousEpoch* previous_;
  uint64_t seed_;
};

}  // namespace

Json to_json(const StandardOptions& o) {
  return {{"k", fit_k},
          {"cross_class_weight", o.cross_class_weight},
          {"boundary_weight", o.boundary_weight},
          {"boundary_enough", o.boundary_enough},
          {"boundary_to_sample_weight", o.boundary_to_sample_weight},
          {"boundary_visits", o.boundary_visits},
          {"exaggeration", o.exaggeration},
          {"early_iterations", o.early_iterations},
          {"iterations", o.iterations},
          {"following_iterations", o.following_iterations},
          {"anchor", o.anchor},
          {"spring", o.spring},
          {"settle_rounds", o.settle_rounds},
          {"settle_iterations", o.settle_iterations},
          {"first_steps", o.first_steps},
          {"following_steps", o.following_steps},
          {"reconstruction_weight", o.reconstruction_weight},
          {"home_reach", o.home_reach}};
}

Projection fit_standard(const EpochLayout& layout, const PreviousEpoch* previous,
                        std::span<const EpochLayout* const> after, uint64_t seed) {
  return Standard(layout, previous, seed).run(after);
}

}  // namespace dvi
