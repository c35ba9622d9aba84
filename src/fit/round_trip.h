// To the plane and back.
#pragma once

#include <span>

#include "metrics/metrics.h"
#include "subject/subject_model.h"
#include "vis/plane_decoder.h"

namespace dvi {

/// Of n samples, of which the classifier says `own` [n], shown at `positions` [n, 2]; `features` [.., D] are
/// those of this rank's passed_rows() (comm/shared_for.h).
RoundTrip round_trip(const PlaneDecoder& decoder, SubjectModel& subject, MatrixView positions,
                     MatrixView features, std::span<const Verdict> own);

}  // namespace dvi
