// The landscape of a visualization model: its decoder with the subject model's head behind it.
#pragma once

#include "landscape/landscape.h"
#include "subject/logits.h"
#include "vis/plane_decoder.h"

namespace dvi {

/// The subject model's head behind a decoder: what the classifier predicts at any point of the plane. The
/// decoder's last layer has no nonlinearity, so with a linear head the two are one matrix of C rows, and the
/// D features of a point are never made: a third of the work is saved.
class PlaneClassifier {
 public:
  /// `decoder` and `subject` must outlive it.
  PlaneClassifier(const PlaneDecoder& decoder, SubjectModel& subject);

  /// One Verdict for each of `points` [n, 2]. The ranks of a job share them (comm/shared_for.h) and must all
  /// call it; so it is with judge_each().
  std::vector<Verdict> judge(MatrixView points);
  /// The same, each point by itself: slower, but a verdict is the same to the last bit whatever other points
  /// are asked for with it (a product's blocks, and so the order of its sums, depend on its size).
  std::vector<Verdict> judge_each(MatrixView points);
  /// `points` [n, 2] -> the decoder's `features` [n, D] and what the head says of them, `logits` [n, C].
  void decode(MatrixView points, MutMatrixView features, MutMatrixView logits);
  /// Every cell of a grid.
  Landscape paint(const Extent&, int size);

 private:
  bool composed() const { return !last_.bias.empty(); }
  /// By one worker, where decoder and head are composed: `points` [n, 2] -> what the decoder's last layer is
  /// given, in the worker's space; -> `logits` [n, C].
  MatrixView last_hidden(MatrixView points, int worker);
  void logits(MatrixView points, MutMatrixView logits, int worker);

  struct Workspace {
    PlaneDecoder::Trace trace;
    Matrix rectified, logits;
  };
  const PlaneDecoder& decoder_;
  SubjectModel& subject_;
  PlaneDecoder hidden_;  // the decoder without its last layer, where composed
  LinearHead last_;      // its last layer and the head in one; empty for any other head
  std::vector<Workspace> workspaces_;
};

}  // namespace dvi
