#include "vis/paper_trainer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/stopwatch.h"
#include "vis/adam.h"
#include "vis/edge_sampler.h"

namespace dvi {
namespace {

// Streams of random numbers of a seed.
constexpr uint64_t initial_weights = 0x70617000, batches = 0x70617001;

Edges edges_of(const PaperTask& task, const PaperOptions& options) {
  Edges edges;
  edges.append_frequent(*task.samples, options.sample_edge_passes);
  edges.append_frequent(*task.boundary, options.boundary_edge_passes);
  if (edges.size() == 0) fail("training needs edges, but both complexes are empty");
  for (const auto* ends : {&edges.from, &edges.to}) {
    const auto [least, most] = std::minmax_element(ends->begin(), ends->end());
    if (*least < 0 || *most >= task.features.rows)
      fail("the complexes' vertices must be rows of the {} features, but there are {} to {}",
           task.features.rows, *least, *most);
  }
  return edges;
}

int64_t edges_per_pass(const Edges& edges) {
  const double heaviest = *std::max_element(edges.weight.begin(), edges.weight.end());
  double sum = 0;
  for (const float w : edges.weight) sum += w;
  return std::max<int64_t>(1, static_cast<int64_t>(sum / (heaviest + 1e-3)));
}

void draw(const Edges& edges, const AliasTable& table, int64_t count, int negatives, Random& random,
          PaperBatch& batch) {
  batch.from.clear();
  batch.to.clear();
  for (int64_t i = 0; i < count; ++i) {
    const auto edge = static_cast<size_t>(table.draw(random));
    batch.from.push_back(edges.from[edge]);
    batch.to.push_back(edges.to[edge]);
  }
  batch.negatives.draw(count, negatives, random);
}

}  // namespace

Autoencoder paper_autoencoder(int64_t feature_dim, uint64_t seed) {
  int64_t h = 2;
  while (2 * h <= feature_dim / 2) h *= 2;
  Random random(seed, initial_weights);
  std::vector<int64_t> widths{feature_dim, h, h, h, h, 2};
  Mlp encoder(widths, random);
  std::reverse(widths.begin(), widths.end());
  return {{std::move(encoder), {}}, {{}, Mlp(widths, random)}};
}

PaperResult train_paper(const PaperTask& task, const PaperOptions& options,
                        const std::function<void(const PaperProgress&)>& on_step) {
  const Stopwatch watch;
  PaperResult result;
  auto& model = result.model;
  model = task.previous ? *task.previous : paper_autoencoder(task.features.cols, task.seed);
  if (model.encoder.input_dim() != task.features.cols ||
      model.decoder.network.output_dim() != task.features.cols)
    fail("the features have dimension {}, but the epoch before had {}", task.features.cols,
         model.encoder.input_dim());

  const auto edges = edges_of(task, options);
  const AliasTable table(edges.weight);
  const int64_t per_pass = edges_per_pass(edges), steps = (per_pass + options.batch - 1) / options.batch;

  PaperObjective objective(task.features, *task.attention, fit_umap_curve(options.min_dist, options.spread),
                           options.attention_exponent, options.precision);
  if (task.previous)
    objective.set_previous(*task.previous, options.temporal_weight * static_cast<float>(task.mean_npr));
  Adam encoder_adam(model.encoder.network.parameters().size()),
      decoder_adam(model.decoder.network.parameters().size());

  Random random(task.seed, batches, static_cast<uint64_t>(task.epoch));
  PaperBatch batch;
  double last = 100;
  int left = options.patience;
  for (int pass = 0; pass < options.most_passes; ++pass) {
    const float rate = pass < options.late_pass ? options.learning_rate : options.late_learning_rate;
    PaperLosses mean;
    for (int64_t step = 0; step < steps; ++step) {
      draw(edges, table, std::min(options.batch, per_pass - step * options.batch), options.negatives, random,
           batch);
      const auto losses = objective.evaluate(model, batch);
      if (!std::isfinite(losses.total()))
        fail("training of epoch {} diverged in step {} (loss {}): are its features of a sensible magnitude?",
             task.epoch, result.steps, losses.total());
      encoder_adam.step(model.encoder.network.parameters(), objective.encoder_gradients(), rate);
      decoder_adam.step(model.decoder.network.parameters(), objective.decoder_gradients(), rate);
      ++result.steps;
      mean.umap += losses.umap / static_cast<double>(steps);
      mean.reconstruction += losses.reconstruction / static_cast<double>(steps);
      mean.temporal += losses.temporal / static_cast<double>(steps);
      if (on_step) on_step({pass, step + 1, steps, losses});
    }
    result.passes.push_back(mean);
    if (last - mean.total() >= options.least_improvement)
      left = options.patience;
    else if (left-- == 0)
      break;
    last = mean.total();
  }
  result.seconds = watch.seconds();
  return result;
}

}  // namespace dvi
