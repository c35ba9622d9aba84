// `dvi check`: everything docs/reference/run-format.md demands, one sentence a finding.
#pragma once

#include <string>
#include <vector>

#include "run/run.h"

namespace dvi {

struct CheckReport {
  std::vector<std::string> problems;  ///< break the format: fitting would fail
  /// Allowed, but worth knowing: an epoch gap, duplicates, an unfinished epoch.
  std::vector<std::string> notes;
  int64_t samples = 0;
  std::vector<int> epochs;
};

/// Reads every file of the run. Never throws for what a run can do wrong; that goes into the report.
CheckReport check_run(const std::filesystem::path& folder);

/// Throws Error if no visualization model can be fitted to the run although its files are in order: fewer
/// than k + 1 samples to fit on (those of role "train", or all if there is none), or labels of one class
/// only.
void expect_fittable(const Run& run, int k = 15);

}  // namespace dvi
