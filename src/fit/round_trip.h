// To the plane and back.
#pragma once

#include <span>

#include "metrics/metrics.h"
#include "subject/subject_model.h"
#include "vis/plane_decoder.h"

namespace dvi {

/// Of samples with `features` [n, D], of which the classifier says `own` [n], shown at `positions` [n, 2].
RoundTrip round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                     MatrixView features, std::span<const Verdict> own);

}  // namespace dvi
