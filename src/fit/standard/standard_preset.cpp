#include "fit/standard/standard_preset.h"

#include <algorithm>

#include "core/progress.h"
#include "core/seed.h"
#include "fit/standard/epoch_layout.h"
#include "fit/standard/settling.h"
#include "project/relocation.h"
#include "vis/distill.h"

namespace dvi {
namespace {

/// The layout before it was settled, which the next epoch's starts from.
class DraftState : public PresetState {
 public:
  static constexpr const char* file = "draft_positions.npy";
  static constexpr const char* frame_file = "draft_frame.npy";  // x0, y0, side
  DraftState(Matrix positions, const LayoutFrame& its_frame)
      : draft(std::move(positions)), frame(its_frame) {}
  void save(const std::filesystem::path& epoch_folder) const override {
    write_npy(epoch_folder / file, draft);
    write_npy(epoch_folder / frame_file, std::vector<float>{frame.x0, frame.y0, frame.side});
  }
  Matrix draft;  // [N, 2]
  LayoutFrame frame;
};

struct LayoutPreparation : Preparation {
  LayoutPreparation(const SampleSets& sets, const EpochData& data, const LayoutBefore* before, uint64_t seed,
                    const StandardOptions& options)
      : samples(sets),
        layout(sets, data, before, seed, options),
        draft(std::make_shared<DraftState>(layout.draft(), layout.frame())) {}
  std::shared_ptr<const PresetState> state() const override { return draft; }
  void put_aside(ScratchFile& file) override { layout.put_edges_aside(file); }
  const SampleSets& samples;
  EpochLayout layout;
  std::shared_ptr<const DraftState> draft;
  size_t settled_with = 0;      // other epochs
  double settling_seconds = 0;  // its share
};

constexpr uint64_t network_seeds = 7919;  // derived_seed()

class StandardFit {
 public:
  StandardFit(const LayoutPreparation& prepared, const EpochData& data, const FittedEpoch* previous,
              uint64_t seed, const StandardOptions& options)
      : prepared_(prepared),
        layout_(prepared.layout),
        sets_(prepared.samples),
        data_(data),
        options_(options),
        points_(layout_.points()),
        previous_(previous),
        seed_(seed) {}

  Projection run() const {
    Projection out;
    out.seconds = layout_.seconds();
    out.seconds["layout"] += prepared_.settling_seconds;
    out.details["settled_with"] = prepared_.settled_with;
    out.details["disagreement"] = layout_.disagreement();
    const Matrix& positions = layout_.positions();
    Stopwatch watch;
    train_networks(positions, out);
    out.seconds["train"] = watch.lap();
    place_points(positions, out);
    relocate_points(out);
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
    task.seed = derived_seed(seed_, network_seeds, static_cast<uint64_t>(data_.number));
    DistillOptions options;
    options.reconstruction_weight = options_.reconstruction_weight;
    options.margin_weight = options_.margin_weight;
    options.encoder_steps =
        previous_ == nullptr ? options_.first_encoder_steps : options_.following_encoder_steps;
    options.decoder_steps = options_.new_decoder_steps;
    options.warm_decoder_steps = options_.following_decoder_steps;
    std::optional<Progress> progress;
    DistillResult result = distill(task, options, [&](int64_t, int64_t steps) {
      if (!progress) progress.emplace(fmt::format("epoch {}: networks", data_.number), steps);
      progress->advance();
    });
    out.model = std::move(result.model);
    out.details["encoder_steps"] = result.encoder_steps;
    out.details["decoder_steps"] = result.decoder_steps;
    out.details["device"] = result.device;
    out.details["encoder_error"] = result.encoder_error;
    out.details["decoder_error"] = result.decoder_error;
    out.details["divergence"] = result.divergence;
  }

  void place_points(const Matrix& positions, Projection& out) const {
    out.positions = layout_.by_sample();
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

  void relocate_points(Projection& out) const {
    std::vector<ExpectedGround> expected;
    for (const auto& verdict : data_.verdicts) expected.push_back({verdict.prediction, -1, verdict.margin});
    const auto add = [&](const BoundarySet& set, const Matrix& shown) {
      for (int64_t b = 0; b < shown.rows(); ++b)
        expected.push_back({set.classes[static_cast<size_t>(b)][0], set.classes[static_cast<size_t>(b)][1]});
    };
    add(data_.boundary, out.boundary_positions);
    add(data_.evaluation_boundary, out.evaluation_boundary_positions);
    Matrix all(static_cast<int64_t>(expected.size()), 2);
    Matrix* const parts[] = {&out.positions, &out.boundary_positions, &out.evaluation_boundary_positions};
    float* at = all.data();
    for (const Matrix* part : parts) at = std::copy_n(part->data(), 2 * part->rows(), at);
    out.fitted_positions = out.positions;
    out.fitted_evaluation_positions = out.evaluation_boundary_positions;
    PlaneClassifier classifier(out.model.decoder, *data_.subject);
    const MarginRanks ranks(data_.verdicts, sets_.train);
    out.relocation = {options_.margin_tolerance, options_.relocation_reach};
    // Within the samples' bounds, or those that are moved make the picture of all others smaller.
    const Extent bounds = square_around(bounds_of(out.positions), 0);
    Relocator relocator(classifier, ranks, bounds, *out.relocation);
    const std::vector<float> moved = relocator.relocate(expected, all.mut());
    out.moved.assign(moved.begin(), moved.begin() + out.positions.rows());
    out.evaluation_moved.assign(moved.end() - out.evaluation_boundary_positions.rows(), moved.end());
    const float* from = all.data();
    for (Matrix* part : parts) {
      std::copy_n(from, 2 * part->rows(), part->data());
      from += 2 * part->rows();
    }
  }

  const LayoutPreparation& prepared_;
  const EpochLayout& layout_;
  const SampleSets& sets_;
  const EpochData& data_;
  const StandardOptions& options_;
  const LayoutPoints& points_;
  const FittedEpoch* previous_;
  uint64_t seed_;
};

}  // namespace

std::unique_ptr<Preparation> StandardPreset::prepare(const SampleSets& sets, const EpochData& data,
                                                     const EpochBefore* before, uint64_t seed) const {
  std::optional<LayoutBefore> layout_before;
  if (before != nullptr) {
    const auto& state = dynamic_cast<const DraftState&>(*before->state);
    layout_before.emplace(LayoutBefore{state.draft, state.frame, before->classifier});
  }
  return std::make_unique<LayoutPreparation>(sets, data, layout_before ? &*layout_before : nullptr, seed,
                                             options_);
}

void StandardPreset::settle(std::span<Preparation* const> preparations, const FittedEpoch* previous) const {
  // Alone, an epoch has nothing that moves along with it.
  const int sweeps = preparations.size() == 1 ? std::min(2, options_.settle_sweeps) : options_.settle_sweeps;
  std::vector<EpochLayout*> layouts;
  for (auto* preparation : preparations)
    layouts.push_back(&dynamic_cast<LayoutPreparation&>(*preparation).layout);
  const Stopwatch watch;
  Progress progress("settling", static_cast<int64_t>(sweeps * std::ssize(layouts)));
  dvi::settle(layouts, previous != nullptr ? previous->positions.view() : MatrixView{}, sweeps,
              [&](int, int) { progress.advance(); });
  progress.finish();
  for (auto* preparation : preparations) {
    auto& prepared = dynamic_cast<LayoutPreparation&>(*preparation);
    prepared.layout.drop_edges();
    prepared.settled_with = preparations.size() - 1;
    prepared.settling_seconds = watch.seconds() / static_cast<double>(preparations.size());
  }
}

Projection StandardPreset::finish(const Preparation& preparation, const EpochData& data,
                                  const FittedEpoch* previous, uint64_t seed) const {
  const auto& prepared = dynamic_cast<const LayoutPreparation&>(preparation);
  Projection out = StandardFit(prepared, data, previous, seed, options_).run();
  out.state = preparation.state();
  return out;
}

std::shared_ptr<const PresetState> StandardPreset::load_state(const std::filesystem::path& epoch_folder,
                                                              int64_t samples) const {
  const NpyArray draft = NpyArray::open(epoch_folder / DraftState::file);
  draft.expect_dtype({DType::f32});
  draft.expect_shape({samples, 2});
  const NpyArray frame = NpyArray::open(epoch_folder / DraftState::frame_file);
  frame.expect_dtype({DType::f32});
  frame.expect_shape({3});
  const auto square = frame.as<float>();
  return std::make_shared<DraftState>(draft.to_matrix(), LayoutFrame{square[0], square[1], square[2]});
}

}  // namespace dvi
