// New groups of a run that is fitted already: new test data, attacked images, a customer's batch. Everything
// that is known of recorded samples is worked out for them as well, at every epoch and in every view; nothing
// is fitted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "project/new_samples.h"

namespace dvi {

struct NewGroup {
  std::string name, role;
  NewSamples samples;
  std::vector<int32_t> labels;  ///< one a sample, -1 = none; empty: no labels
};

/// `file` of one label a sample: a .npy of class numbers, or a text with a number or a class's name a line.
/// Throws Error for any other number of labels and for classes that the run does not have.
std::vector<int32_t> read_labels(const Run& run, const std::filesystem::path& file, int64_t count);

/// Adds `group` behind the run's groups. Its samples are inputs where the run has inputs, else features of
/// the run's only epoch. A view gets their places, predictions, neighbours and events, at each fitted epoch;
/// metrics and findings stay those of the samples that were recorded. `on_epoch` is called after each epoch,
/// with how many there are.
///
/// The run appears changed by one rename, and is as it was where anything fails. Throws Error if recording
/// has not ended, a fit is at work, the name is taken, or the run keeps no model that turns inputs into
/// features.
void add_group(const std::filesystem::path& run, const NewGroup& group,
               const std::function<void(int64_t epochs)>& on_epoch = {});

/// Takes a group away again that add_group() added, by one rename too. Ids of groups behind it become
/// smaller, in saved selections as well. Throws Error if the run has no such group or recorded it itself.
void remove_group(const std::filesystem::path& run, const std::string& name);

}  // namespace dvi
