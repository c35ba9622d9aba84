// What users call the epochs of a run: numbers, or labels such as "1.5" and "step 12000"
// (docs/reference/run-format.md).
#pragma once

#include <string>
#include <vector>

#include "run/run.h"

namespace dvi {

/// What the user calls it: "label" of epoch.json, or the number.
std::string epoch_name(const Epoch& epoch);
/// Its place on the time axis: "at" of epoch.json, or the number.
double epoch_time(const Epoch& epoch);

/// Folder numbers of "1,2,5-9", ascending, each once. Throws Error for anything else. Of a run none of whose
/// epochs has a label; they need not be there.
std::vector<int> parse_epochs(const std::string& text);

/// Folder numbers, ascending, of the epochs of `run` that `text` names: labels, numbers and ranges of numbers
/// on the time axis, separated by commas: "step 12000,1.5,2-4". Where no epoch has a label,
/// parse_epochs(text). Throws Error for what names none.
std::vector<int> epochs_called(const Run& run, const std::string& text);

/// The one epoch that `text` names. Throws Error.
int epoch_called(const Run& run, const std::string& text);

}  // namespace dvi
