// The subject model of a TorchScript file. Implemented in the plugin dvi_torch.
#pragma once

#include <filesystem>
#include <memory>

#include "core/plugin.h"
#include "subject/subject_model.h"

namespace dvi {

/// Opens a TorchScript file with methods `features` and `head` (or `feature` and `prediction`), in evaluation
/// mode, for inputs of any shape the model takes. A model that fails on the CUDA device is run on the
/// processor.
///
/// Throws Error if the plugin is absent, or if the file cannot be read by this LibTorch (it may come from a
/// newer PyTorch: the message names the way out), lacks the methods, or its head does not turn
/// [n, feature_dim] into [n, class_count].
extern PluginFunction<std::unique_ptr<SubjectModel>(const std::filesystem::path& file, int64_t feature_dim,
                                                    int64_t class_count, ModelPlace)>
    open_torch_subject;

}  // namespace dvi
