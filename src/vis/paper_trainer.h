// The visualization model of one epoch as DVI trains it (AAAI 2022, sec. 3): `dvi fit --preset paper`.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graph/fuzzy_set.h"
#include "linalg/gemm.h"
#include "vis/attention.h"
#include "vis/autoencoder.h"
#include "vis/paper_objective.h"

namespace dvi {

/// The published values. A pass draws as many edges as the sum of their weights, the heaviest counting 1.
struct PaperOptions {
  /// Of the plane's similarity (fit_umap_curve). More keeps points farther apart.
  double min_dist = 0.1, spread = 1;
  /// Pairs drawn apart for each edge. More separates clusters better and costs little; the encoder dominates.
  int negatives = 5;
  /// Edges a step; twice as many samples. More makes steps costlier and less noisy.
  int64_t batch = 1000;
  /// beta: reconstruction counts a feature (1 + attention)^beta times.
  float attention_exponent = 1;
  /// Of mean(NPR) * ||W_t - W_(t-1)||^2. More keeps consecutive epochs alike, at the cost of each of them.
  float temporal_weight = 0.3f;
  float learning_rate = 1e-3f, late_learning_rate = 1e-4f;
  /// The late rate holds from this pass on, counted from 0.
  int late_pass = 8;
  /// Training ends once the mean loss of a pass has not improved on the last one's by least_improvement in
  /// more than `patience` passes in a row; at most_passes at the latest.
  int most_passes = 200, patience = 8;
  double least_improvement = 1e-2;
  /// Edges that would be drawn less than once in so many passes are left out (Edges::append_frequent).
  int sample_edge_passes = 10, boundary_edge_passes = 5;
  Precision precision = best_precision();
};

struct PaperTask {
  MatrixView features;       ///< [n + m, D]: training samples, then boundary samples
  const EdgeList* samples;   ///< the samples' complex, of vertices 0 to n - 1
  const EdgeList* boundary;  ///< the boundary-wise complex, of all vertices
  const Attention* attention;
  /// The visualization model of the epoch before: weights start there and are held near it. nullptr at the
  /// first.
  const Autoencoder* previous = nullptr;
  /// Mean share of the samples' k neighbours kept since the epoch before; not read at the first.
  double mean_npr = 0;
  uint64_t seed = 0;
  int64_t epoch = 0;  ///< with the seed, chooses the random numbers
};

struct PaperProgress {
  int pass = 0;                          ///< from 0
  int64_t step = 0, steps_per_pass = 0;  ///< steps done in this pass
  PaperLosses losses;                    ///< of this step
};

struct PaperResult {
  Autoencoder model;
  std::vector<PaperLosses> passes;  ///< mean losses of each pass
  int64_t steps = 0;
  double seconds = 0;
};

/// Widths D-h-h-h-h-2 and the mirror image, h the largest power of two that is at most D / 2 (at least 2);
/// weights as Mlp draws them.
Autoencoder paper_autoencoder(int64_t feature_dim, uint64_t seed);

/// Minimises PaperObjective by Adam. `on_step` is called after each step, in the calling thread. The result
/// depends on the task, the options and the number of threads only. Throws Error if shapes do not fit, an
/// edge leads out of the features, no edges are given or the loss is no longer finite.
PaperResult train_paper(const PaperTask& task, const PaperOptions& options = {},
                        const std::function<void(const PaperProgress&)>& on_step = {});

}  // namespace dvi
