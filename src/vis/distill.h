// The networks of the default preset: an encoder that reproduces a layout from the features and a decoder
// that inverse-projects it.
//
// The layout already keeps neighbours and boundaries, so both networks learn from (feature, position) pairs,
// which need one forward pass a sample where DVI's edge loss needs four a pair and negatives. The encoder
// learns which of the plane's landmarks (vis/landmarks.h) are near a sample. The decoder knows the
// classifier: besides the features it has to reproduce the head's class distribution, KL(head(f) ||
// head(decode(y))), and the margin, so that territories and predictions hold. Training runs in the principal
// subspace of the features; the projection is folded into the outer layers afterwards, so that the result is
// an encoder over D dimensions and a decoder to them (vis/plane_decoder.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "subject/subject_model.h"
#include "vis/autoencoder.h"
#include "vis/trainer.h"

namespace dvi {

struct DistillOptions {
  /// Steps of Adam. More fit finer. The decoder takes fewer from a warm start.
  int64_t encoder_steps = 1000, decoder_steps = 250, warm_decoder_steps = 120;
  /// Samples a step, at most. Of small sets the encoder takes n / 60, but not fewer than 64, and the decoder
  /// n / 4, but not fewer than 1,024.
  int64_t encoder_batch = 256, decoder_batch = 4096;
  double encoder_rate = 6e-3;
  DecoderRates decoder_rates = {6e-3, 3e-2};
  /// Dimensions of the principal subspace, at most D. More than the features fill cost time and bring
  /// nothing.
  int64_t subspace = 64;
  int64_t encoder_hidden = 128;
  int encoder_layers = 2;
  /// Landmarks: one for every so many points, within these bounds (and no more than points). More place a
  /// sample more finely and take longer.
  int64_t points_a_landmark = 10, least_landmarks = 128, most_landmarks = 1024;
  /// The logits of the trained encoder times this: how much it decides for the likeliest of distant landmarks
  /// instead of putting a sample in between.
  float decisiveness = 4;
  int64_t decoder_hidden = 64;
  int decoder_layers = 2;
  /// Cells a side of the decoder's feature grids (vis/feature_grid.h), each level twice as fine as the one
  /// before. The finest level has about as many cells as there are samples, within these bounds.
  int coarsest_grid = 16, least_finest_grid = 64, most_finest_grid = 256;
  /// Weight of the squared error of the features (in units of their variance, as if spread over 16
  /// dimensions) against the KL divergence of the class distributions.
  double reconstruction_weight = 1;
  /// Weight of the squared error of the margin (vis/margin_error.h) against the KL divergence.
  double margin_weight = 1;
  /// Positions are jittered by this share of the picture's side when the decoder learns, so that it is smooth
  /// between samples.
  double jitter = 0.003;
  /// Places drawn beyond the samples, as a share of their number: there the decoder learns to lead to the
  /// sample that is nearest. Left alone it would show territories of classes that lie nowhere near.
  double beyond = 0.15;
  Precision precision = best_precision();
  TrainingDevice device = TrainingDevice::fastest;
};

struct DistillTask {
  MatrixView features;  ///< [n, D] samples, whose principal subspace is used
  /// More rows behind them, or none: boundary samples. Of m rows this rank's passed_rows()
  /// (comm/shared_for.h), [.., D].
  MatrixView more_features;
  StackedView logits;    ///< [n, C] and [m, C] of the features
  MatrixView positions;  ///< [n + m, 2]
  SubjectModel* subject = nullptr;
  /// Rows that a pass visits, with repeats for those that matter more; empty = every row once.
  std::vector<int32_t> visits;
  /// Networks of the epoch before to start from; nullptr at the first.
  const Autoencoder* previous = nullptr;
  uint64_t seed = 0;
};

struct DistillResult {
  Autoencoder model;
  /// Means over the last pass: divergence of the encoder's shares of the landmarks, in nats; squared error of
  /// the decoder in units of the features' variance; divergence of its class distributions, in nats.
  double encoder_error = 0, decoder_error = 0, divergence = 0;
  int64_t encoder_steps = 0, decoder_steps = 0;  ///< taken
  std::string device;                            ///< "processor", or LibTorch's "cuda" or "cpu"
};

/// `on_step(step, steps)` is called in the calling thread. The result depends on the task, the options, the
/// number of threads and where it is trained only. In a job of several ranks (comm/comm.h) one trains the
/// encoder and another the decoder, and each has the features of its own samples; all return the same.
DistillResult distill(const DistillTask&, const DistillOptions& = {},
                      const std::function<void(int64_t, int64_t)>& on_step = {});

}  // namespace dvi
