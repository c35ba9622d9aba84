// New samples at several epochs, and how they are written down.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/file.h"
#include "project/new_samples.h"
#include "project/projector.h"

namespace dvi {

struct EpochProjection {
  int epoch = 0;
  ProjectedSamples samples;
};

/// `samples` at each of `epochs`, in their order, by the projector that `projector_of` gives for an epoch; it
/// is called by several threads at once. Throws Error where features are asked for at more than one epoch:
/// they belong to the epoch of the model that made them.
std::vector<EpochProjection> project_at(const Run& run, const NewSamples& samples,
                                        const std::vector<int>& epochs,
                                        const std::function<std::shared_ptr<Projector>(int)>& projector_of);

/// {"samples": [name], "epochs": [{"epoch", "usual_distance", "samples": [{"place": [x, y], "moved",
/// "prediction", "confidence", "runner_up", "margin", "probabilities": [C], "nearest": [ids], "distances":
/// [..], "distance", "familiarity"}]}]}; classes are indices.
Json to_json(const NewSamples&, const std::vector<EpochProjection>&);

/// Writes `file` whole or not at all. By its extension: .npy places only, float32, [n, 2] of one epoch and
/// [T, n, 2] of T; .json what to_json() gives; .csv the same, a line for each sample and epoch. Throws Error
/// for any other extension.
void write_projection(const std::filesystem::path& file, const Run& run, const NewSamples&,
                      const std::vector<EpochProjection>&);
/// Throws Error unless write_projection() knows the extension: before the work is done.
void expect_projection_file(const std::filesystem::path& file);

/// A line for each sample and epoch.
std::string projection_csv(const Run& run, const NewSamples&, const std::vector<EpochProjection>&);

}  // namespace dvi
