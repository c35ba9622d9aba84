// What can be chosen of the default preset.
#pragma once

#include "core/file.h"
#include "fit/epoch_data.h"

namespace dvi {

struct StandardOptions {
  /// Weight of the class distributions in the distance that the layout keeps
  /// (fit/standard/classifier_metric.h), where no more neighbours than `usual_disagreement` are predicted as
  /// other classes; more where more are. More makes territories coherent at the cost of neighbours.
  double class_weight = 0.2, usual_disagreement = 0.3;
  /// Weight of the margins' ranks there. More orders each territory from its boundary to its middle.
  double margin_rank_weight = 0.6;
  /// An edge between samples predicted as different classes attracts this much of its weight, less where
  /// neighbours disagree more than usual. Less keeps territories apart and so predictions true over the round
  /// trip, at the cost of neighbours.
  double cross_class_weight = 0.2;
  /// Weight of the boundary-wise complex against the samples' own. More keeps the nearest boundary samples
  /// near, at the cost of neighbours. Less by as much as there are fewer boundary samples than
  /// `boundary_enough`: where the k nearest are a good part of all, they say little of where a sample lies.
  double boundary_weight = 0.3;
  double boundary_enough = 12 * fit_k;
  /// Weight of the edges from a boundary sample to the samples nearest to it. More puts it between them, less
  /// among its like.
  double boundary_to_sample_weight = 0.1;
  /// Attraction of the final phase; 1 is t-SNE, 4 about UMAP's look. More separates classes and loses
  /// neighbours. What is above 1 counts in full up to 5,000 samples, and less by the power 3/4 of their
  /// number where there are more.
  double exaggeration = 1.15;
  /// Of the first epoch: exaggerated, then free, then within the frame (LayoutFrame).
  int early_iterations = 100, free_iterations = 80, iterations = 170;
  /// Of an epoch that starts from the one before.
  int following_iterations = 100;
  /// Pull to the position of the epoch before for a sample whose features moved by about the distance of its
  /// farthest neighbour. A sample that did not move at all is held 1,000 times as strongly: it stays where it
  /// was.
  double anchor = 0.001;
  /// Springs between epochs (EpochLayout::springs), in units of the mean attraction, for a sample of 5,000
  /// that kept its neighbours and whose features moved by the distance of the farthest. More gives steadier
  /// ways and fewer neighbours.
  double spring = 0.35;
  /// The springs of a sample that changed class, of that. More gives steadier ways and a map that agrees less
  /// with the classifier.
  double changed_class_spring = 0.15;
  /// The springs of samples that are placed among the train samples (fit/standard/other_places.h), in units
  /// of all that their neighbours attract them with. More gives steadier ways likewise.
  double other_spring = 0.18;
  /// Sweeps over all epochs (fit/standard/settling.h), and iterations of each epoch's layout in a sweep;
  /// sweeps of the samples that are placed among them.
  int settle_sweeps = 8, settle_iterations = 20, other_sweeps = 4;
  /// How often a pass of the networks visits each boundary sample. More makes white boundaries run through
  /// them.
  int boundary_visits = 2;
  /// Steps of the encoder, and of the decoder (more where it starts anew).
  int first_encoder_steps = 600, following_encoder_steps = 200;
  int new_decoder_steps = 300, following_decoder_steps = 150;
  /// Squared error of the decoder's features, and of the margin that the classifier sees in them, against its
  /// KL divergence from the classifier's distributions.
  double reconstruction_weight = 1, margin_weight = 2;
  /// A sample is moved (project/relocation.h) where the ground shows another class, or a margin whose
  /// rank differs from its own by more than `margin_tolerance`; no farther than `relocation_reach`, a share
  /// of the picture.
  double margin_tolerance = 0.4, relocation_reach = 0.12;
};

/// As view.json stores them.
Json to_json(const StandardOptions&);

}  // namespace dvi
