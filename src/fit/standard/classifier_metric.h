// Which neighbours the default preset's layout keeps: those that the classifier, too, finds near.
//
// A head decides along directions that may carry little of the distance between features. Where a training
// is easy this does not matter: neighbours agree in their class. On hard data a third of them do not, and a
// layout of feature distances alone scatters the classes over each other, so that no landscape can show what
// the classifier says. So the candidates, a sample's candidate_k nearest in feature space, are ordered anew
// by
//
//   |f - f'|^2 / V + (s g)^2 |p - p'|^2 + m^2 (r - r')^2
//
// with V the total variance of the train samples' features, p the class distribution (sharpened as in
// vis/divergence.h), r the rank of the margin (project/margin_ranks.h), g and m weights of
// StandardOptions, and s >= 1 the strength that the disagreement between neighbours asks for.
#pragma once

#include "fit/epoch_data.h"
#include "fit/standard/standard_options.h"

namespace dvi {

struct LayoutNeighbors {
  /// k = min(fit_k, available), with the distance above; indices are rows of SampleSets::train. Of train
  /// samples those that this rank owns, as EpochData has them.
  Neighbors train_to_train, boundary_to_train;
  /// Share of the train samples' fit_k nearest in feature space that are predicted as another class.
  double disagreement = 0;
  /// max(1, (disagreement / StandardOptions::usual_disagreement)^4).
  double strength = 1;

  void drop_lists() {
    train_to_train = {};
    boundary_to_train = {};
  }
};

LayoutNeighbors layout_neighbors(const SampleSets&, const EpochData&, const StandardOptions&);

}  // namespace dvi
