// A subject model whose features are measured in another unit.
#pragma once

#include <memory>

#include "subject/subject_model.h"

namespace dvi {

/// The same model with features times `scale`, a power of two, so that nothing is rounded: what
/// Epoch::features() gives for features whose squares float32 cannot hold.
std::unique_ptr<SubjectModel> make_scaled_subject(std::unique_ptr<SubjectModel> subject, float scale);

}  // namespace dvi
