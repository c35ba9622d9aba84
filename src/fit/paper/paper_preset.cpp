#include "fit/paper/paper_preset.h"

#include <algorithm>

#include "comm/shared_for.h"
#include "core/error.h"
#include "core/progress.h"
#include "graph/fuzzy_set.h"
#include "vis/attention.h"
#include "vis/paper_trainer.h"

namespace dvi {
namespace {

/// Attention temperature of the published settings: 0.3 for CIFAR-10, 0.1 for Fashion-MNIST, 0.02 for MNIST.
constexpr float temperature = 0.1f;

/// [a; b]
Matrix stacked(MatrixView a, MatrixView b) {
  Matrix out(a.rows + b.rows, a.cols);
  std::copy(a.data, a.data + a.rows * a.cols, out.data());
  std::copy(b.data, b.data + b.rows * b.cols, out.row(a.rows));
  return out;
}

struct PaperPreparation : Preparation {
  const SampleSets& sets;
  Matrix features;             // [n + m, D] train samples, then boundary samples
  EdgeList samples, boundary;  // the complexes
  Attention attention;
  StageSeconds seconds;
  explicit PaperPreparation(const SampleSets& s) : sets(s) {}
};

}  // namespace

Json PaperPreset::settings() const {
  const PaperOptions o;
  return {{"k", fit_k},
          {"negatives", o.negatives},
          {"batch", o.batch},
          {"attention_exponent", o.attention_exponent},
          {"attention_temperature", temperature},
          {"temporal_weight", o.temporal_weight},
          {"learning_rate", o.learning_rate},
          {"late_learning_rate", o.late_learning_rate}};
}

/// Of the rows that each rank owns of n.
static Neighbors whole_lists(const Neighbors& owned, int64_t n) {
  const RowRange own = owned_rows(n);
  const auto k = static_cast<size_t>(owned.k), size = static_cast<size_t>(n) * k;
  Neighbors all{owned.k, std::vector<int32_t>(size), std::vector<float>(size)};
  std::ranges::copy(owned.index, all.index.begin() + own.begin * owned.k);
  std::ranges::copy(owned.distance, all.distance.begin() + own.begin * owned.k);
  gather_shared(n, owned_grain, shared_rows(all.index, owned.k));
  gather_shared(n, owned_grain, shared_rows(all.distance, owned.k));
  return all;
}

std::unique_ptr<Preparation> PaperPreset::prepare(const SampleSets& sets, const EpochData& data,
                                                  const EpochBefore*, uint64_t) const {
  if (data.train_to_boundary.k == 0)
    fail(
        "epoch {}: expected boundary samples, found {}, and the paper preset needs them; leave the epoch out "
        "with --epochs or use the default preset",
        data.number, data.boundary.size());
  auto out = std::make_unique<PaperPreparation>(sets);
  Stopwatch watch;
  const auto n = static_cast<int64_t>(sets.train.size()), m = data.boundary.size();
  out->features = stacked(gather_rows(data.features, sets.train), whole_features(data.boundary));
  const Matrix logits = stacked(gather_rows(data.logits, sets.train), data.boundary.logits);
  // Every rank trains alike and needs all of them.
  const Neighbors near = whole_lists(nearest_of(data.train_to_train, fit_k), n);
  out->samples = fuzzy_union(near, membership_strengths(near), n);
  Neighbors queries = whole_lists(data.train_to_boundary, n);
  queries.append(whole_lists(data.boundary_to_boundary, m));
  out->boundary = fuzzy_union(queries, membership_strengths(queries), n + m, static_cast<int32_t>(n));
  out->seconds["complex"] = watch.lap();
  out->attention = head_attention(out->features, logits, *data.subject, temperature);
  out->seconds["attention"] = watch.lap();
  return out;
}

Projection PaperPreset::finish(const Preparation& preparation, const EpochData& data,
                               const FittedEpoch* previous, uint64_t seed) const {
  const auto& prepared = dynamic_cast<const PaperPreparation&>(preparation);
  const SampleSets& sets = prepared.sets;
  Projection out;
  out.seconds = prepared.seconds;
  Stopwatch watch;
  PaperTask task;
  task.features = prepared.features;
  task.samples = &prepared.samples;
  task.boundary = &prepared.boundary;
  task.attention = &prepared.attention;
  task.seed = seed;
  task.epoch = data.number;
  if (previous != nullptr) {
    task.previous = &previous->model;
    const auto rate = neighbor_preserving_rate(sets, sample_neighbors(sets, data), previous->classifier);
    for (const int32_t id : sets.train)
      task.mean_npr += rate[static_cast<size_t>(id)] / static_cast<double>(sets.train.size());
  }
  const PaperOptions options;
  Progress progress(fmt::format("epoch {}: train", data.number), 1);
  int64_t total = 0;
  PaperResult result = train_paper(task, options, [&](const PaperProgress& p) {
    if (total == 0) progress.set_total(total = p.steps_per_pass * options.most_passes);
    progress.note(fmt::format("pass {}, loss {:.3f}", p.pass + 1, p.losses.total()));
    progress.advance();
  });
  progress.finish();
  out.seconds["train"] = watch.lap();

  out.model = std::move(result.model);
  out.shows_encoder = true;
  out.positions = Matrix(data.features.rows(), 2);
  out.model.encoder.apply(data.features, out.positions.mut());
  out.boundary_positions = Matrix(data.boundary.size(), 2);
  out.model.encoder.apply(whole_features(data.boundary), out.boundary_positions.mut());
  out.evaluation_boundary_positions = Matrix(data.evaluation_boundary.size(), 2);
  out.model.encoder.apply(whole_features(data.evaluation_boundary), out.evaluation_boundary_positions.mut());
  out.details = {{"steps", result.steps}, {"passes", result.passes.size()}, {"mean_npr", task.mean_npr}};
  if (!result.passes.empty()) out.details["loss"] = result.passes.back().total();
  return out;
}

}  // namespace dvi
