#include "fit/standard/standard_preset.h"

#include <algorithm>
#include <cmath>

#include "comm/comm.h"
#include "core/progress.h"
#include "core/seed.h"
#include "fit/standard/epoch_layout.h"
#include "fit/standard/other_places.h"
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
  Matrix draft;  // [n, 2] of the train samples
  LayoutFrame frame;
};

struct LayoutPreparation : Preparation {
  LayoutPreparation(const SampleSets& sets, const EpochData& data, const LayoutBefore* before, uint64_t seed,
                    const StandardOptions& options)
      : samples(sets),
        layout(sets, data, before, seed, options),
        others(sets, data, before != nullptr ? &before->classifier : nullptr, layout.disagreement_strength(),
               options),
        draft(std::make_shared<DraftState>(layout.draft(), layout.frame())) {}
  std::shared_ptr<const PresetState> state() const override { return draft; }
  int64_t large_bytes() const override { return layout.edge_bytes(); }
  void put_aside(ScratchFile& file) override { layout.put_edges_aside(file); }
  const SampleSets& samples;
  EpochLayout layout;
  OtherPlaces others;
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
    if (comm().size() > 1) out.details["layout_bytes"] = std::llround(layout_.bytes_an_iteration());
    const Matrix& positions = layout_.positions();
    Stopwatch watch;
    train_networks(positions, out);
    out.seconds["train"] = watch.lap();
    place_points(positions, out);
    out.seconds["place"] = watch.lap();
    return out;
  }

 private:
  void train_networks(const Matrix& positions, Projection& out) const {
    // Networks learn from the layout's points: train samples and the boundary samples of the fit.
    DistillTask task;
    Matrix features_copy, logits_copy;
    task.features = view_rows(data_.features, sets_.train, features_copy);
    task.logits = view_rows(data_.logits, sets_.train, logits_copy);
    if (points_.boundary > 0) {
      task.more_features = data_.boundary.features;
      task.logits.second = data_.boundary.logits;
    }
    for (int64_t i = 0; i < points_.all(); ++i)
      task.visits.insert(task.visits.end(),
                         static_cast<size_t>(i < points_.train ? 1 : options_.boundary_visits),
                         static_cast<int32_t>(i));
    task.positions = positions;
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

  /// The points of the layout, moved to where the ground agrees with them; then all others among them.
  void place_points(const Matrix& positions, Projection& out) const {
    const int64_t samples = data_.features.rows();
    out.positions = Matrix(samples, 2);
    out.fitted_positions = Matrix(samples, 2);
    out.moved.assign(static_cast<size_t>(samples), 0.f);
    out.relocation = {options_.margin_tolerance, options_.relocation_reach};

    const MarginRanks ranks(data_.verdicts, sets_.train);
    PlaneClassifier ground(out.model.decoder, *data_.subject);
    // Within the train samples' bounds, or those that are moved make the picture of all others smaller.
    Matrix train = rows_of(positions, 0, points_.train);
    Relocator relocator(ground, ranks, square_around(bounds_of(train), 0), *out.relocation);
    const auto show = [&](Matrix& fitted, std::span<const int32_t> ids) {
      std::vector<ExpectedGround> expected;
      for (const Verdict& v : verdicts_of(data_, ids)) expected.push_back({v.prediction, -1, v.margin});
      put(fitted, ids, out.fitted_positions);
      put(relocator.relocate(expected, fitted.mut()), ids, out.moved);
      put(fitted, ids, out.positions);
    };
    show(train, sets_.train);
    Matrix others = prepared_.others.sample_positions();
    show(others, sets_.other_ids);

    // Boundary samples are not followed in time: those of every epoch are others. They are placed among those
    // of the layout, which are as undecided as they are, or among the train samples where these are too few.
    const auto among_train = [&](const BoundarySet& set, const Neighbors& nearest) {
      return PlacesAmong(nearest, opinions_of(judge(set.logits.view()), ranks), train,
                         opinions_of(verdicts_of(data_, sets_.train), ranks))
          .find();
    };
    const auto show_boundary = [&](const BoundarySet& set, Matrix& shown) {
      std::vector<ExpectedGround> expected;
      for (const auto& [one, other] : set.classes) expected.push_back({one, other});
      return relocator.relocate(expected, shown.mut());
    };
    out.boundary_positions = points_.boundary > 0 ? rows_of(positions, points_.train, points_.boundary)
                                                  : among_train(data_.boundary, data_.boundary_to_train);
    show_boundary(data_.boundary, out.boundary_positions);
    const BoundarySet& evaluation = data_.evaluation_boundary;
    out.fitted_evaluation_positions =
        points_.boundary > 0
            ? PlacesAmong(data_.evaluation_to_boundary, std::vector<Opinion>(evaluation.classes.size()),
                          out.boundary_positions, std::vector<Opinion>(data_.boundary.classes.size()))
                  .find()
            : among_train(evaluation, data_.evaluation_to_train);
    out.evaluation_boundary_positions = out.fitted_evaluation_positions;
    out.evaluation_moved = show_boundary(evaluation, out.evaluation_boundary_positions);
  }

  static Matrix rows_of(const Matrix& positions, int64_t begin, int64_t count) {
    Matrix out(count, 2);
    std::copy_n(positions.data() + 2 * begin, 2 * count, out.data());
    return out;
  }
  static void put(const Matrix& rows, std::span<const int32_t> ids, Matrix& out) {
    for (size_t i = 0; i < ids.size(); ++i)
      std::copy_n(rows.row(static_cast<int64_t>(i)), 2, out.row(ids[i]));
  }
  static void put(const std::vector<float>& values, std::span<const int32_t> ids, std::vector<float>& out) {
    for (size_t i = 0; i < ids.size(); ++i) out[static_cast<size_t>(ids[i])] = values[i];
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
  std::vector<LayoutPreparation*> epochs;
  std::vector<Settled*> layouts, others;
  for (auto* preparation : preparations) {
    epochs.push_back(dynamic_cast<LayoutPreparation*>(preparation));
    layouts.push_back(&epochs.back()->layout);
    others.push_back(&epochs.back()->others);
  }
  const SampleSets& sets = epochs.front()->samples;
  const auto positions_before = [&](std::span<const int32_t> ids) {
    return previous != nullptr ? gather_rows(previous->positions, ids) : Matrix();
  };
  const Stopwatch watch;
  Progress progress("settling", static_cast<int64_t>(sweeps * std::ssize(layouts)));
  dvi::settle(layouts, positions_before(sets.train), sweeps, [&](int, int) { progress.advance(); });
  progress.finish();
  for (auto* epoch : epochs) {
    epoch->layout.drop_edges();
    epoch->others.place(epoch->layout.sample_positions());
  }
  dvi::settle(others, positions_before(sets.other_ids), options_.other_sweeps);
  for (auto* epoch : epochs) {
    epoch->others.drop_neighbors();
    epoch->settled_with = preparations.size() - 1;
    epoch->settling_seconds = watch.seconds() / static_cast<double>(preparations.size());
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
                                                              const SampleSets& sets) const {
  const NpyArray draft = NpyArray::open(epoch_folder / DraftState::file);
  draft.expect_dtype({DType::f32});
  draft.expect_shape({static_cast<int64_t>(sets.train.size()), 2});
  const NpyArray frame = NpyArray::open(epoch_folder / DraftState::frame_file);
  frame.expect_dtype({DType::f32});
  frame.expect_shape({3});
  const auto square = frame.as<float>();
  return std::make_shared<DraftState>(draft.to_matrix(), LayoutFrame{square[0], square[1], square[2]});
}

}  // namespace dvi
