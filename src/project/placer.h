// New samples in the plane of one fitted epoch: a place among their neighbours, then the last step that
// recorded samples go through too.
#pragma once

#include <span>
#include <vector>

#include "project/places_among.h"
#include "project/relocation.h"

namespace dvi {

/// What is remembered of the m train samples of an epoch, in their order.
struct PlacedTrain {
  MatrixView positions;                  ///< [m, 2], as shown
  std::span<const int32_t> predictions;  ///< [m]
  std::vector<float> margins;            ///< [m] delta-boundary margins
};

class Placer {
 public:
  /// Everything given must outlive it. Its picture is the square around the train samples.
  Placer(const PlacedTrain& train, const PlaneDecoder& decoder, SubjectModel& subject,
         const RelocationLimits& limits);

  struct Places {
    Matrix fitted;             ///< [n, 2] among the neighbours
    Matrix shown;              ///< [n, 2] after the last step
    std::vector<float> moved;  ///< [n] how far that moved them, as a share of the picture's side
  };
  /// Of n samples whose nearest train samples are `nearest` (rows of the train samples) and of which the
  /// classifier says `own`. Each is placed the same, to the last bit, whatever else is placed with it.
  Places place(const Neighbors& nearest, std::span<const Verdict> own);

 private:
  MatrixView positions_;
  MarginRanks ranks_;
  std::vector<Opinion> opinions_;  // of the train samples
  PlaneClassifier ground_;
  Relocator relocator_;
};

}  // namespace dvi
