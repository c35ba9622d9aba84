// Row-wise work whose rows do not depend on each other, to the last bit. A matrix product sums in another
// order when it has more rows; here a sample's numbers are the same alone and among 10,000 others.
#pragma once

#include "run/inputs.h"
#include "subject/subject_model.h"

namespace dvi {

/// `features` [n, D] -> [n, C]. A linear head over all threads; any other one sample at a time.
Matrix logits_one_by_one(SubjectModel& subject, MatrixView features);

/// `inputs` [n, product of sample_shape], as SubjectModel::features takes them -> [n, D], one at a time.
Matrix features_one_by_one(SubjectModel& subject, MatrixView inputs, std::span<const int64_t> sample_shape);

}  // namespace dvi
