// Samples that were never recorded, at one epoch of a fitted view: what the classifier says of them, their
// nearest train samples and their place in the picture.
//
// Nothing is trained. A sample's place follows from the places of its nearest train samples (places_among.h)
// and from the last step that recorded samples go through (relocation.h). Where a view shows what its encoder
// says of all samples (the paper preset), new samples are placed by the encoder too. The answer for a sample
// is the same, to the last bit, whatever else is projected with it, and for any number of threads.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "graph/neighbors.h"
#include "run/run.h"
#include "run/view.h"
#include "subject/logits.h"

namespace dvi {

/// n samples at one epoch.
struct ProjectedSamples {
  Matrix positions;  ///< [n, 2]
  std::vector<float>
      moved;             ///< [n] by the last step, as a share of the picture's side; 0 where there is none
  Matrix probabilities;  ///< [n, C]
  std::vector<Verdict> verdicts;  ///< [n]
  /// Of the train samples, by Euclidean distance of features as recorded; indices are sample ids.
  Neighbors nearest;
  std::vector<float> distance;  ///< [n] mean distance to them
  /// [n] Share of the train samples that lie farther from their own nearest than this sample from its own: 0
  /// is stranger than any of them, and its place is then little more than a guess.
  std::vector<float> familiarity;
  float usual_distance = 0;  ///< median over train samples of the same mean distance
};

class Projector {
 public:
  /// Opens what is needed of the run's epoch and the view's. Throws Error if the view has no such epoch or
  /// the run keeps no head to judge features with. Keeps references to neither.
  Projector(const Run& run, const View& view, int epoch);
  ~Projector();
  Projector(const Projector&) = delete;
  Projector& operator=(const Projector&) = delete;

  int epoch() const;
  int64_t feature_dim() const;
  /// `features` [n, D] as recorded. Throws Error for another D and for numbers that are not finite, naming
  /// the sample by its row. Thread-safe: calls wait for each other.
  ProjectedSamples project(MatrixView features);
  /// `inputs` [n, product of sample_shape] as the subject model sees them (InputReader::prepare). Throws
  /// Error if the epoch keeps no model that turns inputs into features.
  ProjectedSamples project_inputs(MatrixView inputs, std::span<const int64_t> sample_shape);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::mutex mutex_;
};

}  // namespace dvi
