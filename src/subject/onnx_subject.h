// The subject model of an ONNX file for the features and arrays for a linear head.
#pragma once

#include <filesystem>

#include "subject/subject_model.h"

namespace dvi {

/// `file`: a model of one input [n, ...], as the subject model sees it, and one output, the features [n, D];
/// n is free. Throws Error if ONNX Runtime is absent (have_onnx_runtime) or cannot read it.
std::unique_ptr<SubjectModel> open_onnx_subject(const std::filesystem::path& file, LinearHead head);

}  // namespace dvi
