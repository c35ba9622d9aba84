// Features of any scale, made workable: float32 cannot hold the squared distances of features around 1e19, as
// a training has them shortly before it diverges, nor tell apart those of features around 1e-25.
#pragma once

#include "run/run.h"

namespace dvi {

/// The power of two that makes features workable: 1 if the greatest number is from 2^-16 to 2^16 or all are
/// zero. Else the one that brings the geometric mean of the samples' greatest numbers to 1, or, where one
/// sample is very far off, that one to 2^40. Nothing is rounded by it but what is 2^126 times smaller than
/// the rest.
float workable_scale(MatrixView features);

/// That of an epoch. Epoch::features() and boundary_features() are times it, and open_subject() of the epoch
/// takes and gives features so scaled; feature_row() is as recorded. All features are read for it once, and
/// again when their file has changed.
float feature_scale(const Epoch& epoch);

/// Spares that reading where the scale is known: a fitted view stores that of its epochs.
void remember_feature_scale(const Epoch& epoch, float scale);

/// The epoch's features as recorded, times another scale, to compare epochs. [N, D]
RecordedRows features_times(const Epoch& epoch, float scale);

/// m *= factor.
void scale_by(Matrix& m, float factor);

}  // namespace dvi
