// What can be chosen of the default preset.
#pragma once

#include "core/file.h"
#include "fit/epoch_data.h"

namespace dvi {

struct StandardOptions {
  /// An edge between samples predicted as different classes attracts this much of its weight. Less keeps
  /// territories apart and so predictions true over the round trip, at the cost of neighbours.
  double cross_class_weight = 0.5;
  /// Weight of the boundary-wise complex against the samples' own. More keeps the nearest boundary samples
  /// near, at the cost of neighbours. Less by as much as there are fewer boundary samples than
  /// `boundary_enough`: where the k nearest are a good part of all, they say little of where a sample lies.
  double boundary_weight = 0.3;
  double boundary_enough = 12 * fit_k;
  /// Weight of the edges from a boundary sample to the samples nearest to it. More puts it between them, less
  /// among its like.
  double boundary_to_sample_weight = 0.1;
  /// Attraction of the final phase; 1 is t-SNE, 4 about UMAP's look. More separates classes and loses
  /// neighbours.
  double exaggeration = 1.2;
  int early_iterations = 100, iterations = 250;
  /// Of an epoch that starts from the one before.
  int following_iterations = 100;
  /// Pull to the position of the epoch before for a sample whose features moved by about the distance of its
  /// farthest neighbour. A sample that did not move at all is held 1,000 times as strongly: it stays where it
  /// was.
  double anchor = 0.001;
  /// Springs between epochs (EpochLayout::settled), in units of the mean attraction, for a sample of 5,000
  /// that kept its neighbours and whose features moved by the distance of the farthest. More gives steadier
  /// ways and fewer neighbours.
  double spring = 0.07;
  int settle_rounds = 1, settle_iterations = 30;
  /// How often a pass of the networks visits each boundary sample. More makes white boundaries run through
  /// them.
  int boundary_visits = 2;
  int first_steps = 1800, following_steps = 550;
  /// Squared error of the decoder's features against its KL divergence from the classifier's distributions.
  double reconstruction_weight = 1;
  /// A point in another class's territory is moved to its own if that is no farther than this share of the
  /// picture (fit/standard/relocation.h).
  double relocation_reach = 0.12;
};

/// As view.json stores them.
Json to_json(const StandardOptions&);

}  // namespace dvi
