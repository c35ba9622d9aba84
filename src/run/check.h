// `dvi check`: everything docs/run-format.md demands, one sentence a finding.
#pragma once

#include <string>
#include <vector>

#include "run/run.h"

namespace dvi {

struct CheckReport {
  std::vector<std::string> problems;  ///< break the format: fitting would fail
  std::vector<std::string>
      notes;  ///< allowed, but worth knowing (an epoch gap, duplicates, an unfinished epoch)
  int64_t samples = 0;
  std::vector<int> epochs;
};

/// Reads every file of the run. Never throws for what a run can do wrong; that goes into the report.
CheckReport check_run(const std::filesystem::path& folder);

}  // namespace dvi
