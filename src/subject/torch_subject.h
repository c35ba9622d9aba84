// The subject model of a TorchScript file. Present where the program was built with LibTorch.
#pragma once

#include <filesystem>

#include "subject/subject_model.h"

namespace dvi {

/// Opens a TorchScript file with methods `features` and `head` (or `feature` and `prediction`), in evaluation
/// mode, for inputs of any shape the model takes.
///
/// Throws Error if the file cannot be read by this LibTorch (it may come from a newer PyTorch: the message
/// names the way out), lacks the methods, or its head does not turn [n, feature_dim] into [n, class_count].
std::unique_ptr<SubjectModel> open_torch_subject(const std::filesystem::path& file, int64_t feature_dim,
                                                 int64_t class_count);

}  // namespace dvi
