// To the plane and back.
#pragma once

#include "metrics/metrics.h"
#include "subject/subject_model.h"
#include "vis/plane_decoder.h"

namespace dvi {

/// What comes back from the plane.
struct Returned {
  Matrix logits;             ///< [n, C]
  std::vector<float> error;  ///< [n] mean over dimensions of (f - f')^2
};

/// Of samples with `features` [n, D] shown at `positions` [n, 2].
Returned round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                    MatrixView features, int64_t classes);

}  // namespace dvi
