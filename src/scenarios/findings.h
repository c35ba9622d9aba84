// What a fitted scenario shows in numbers: the claims of the DVI paper (AAAI 2022, sec. 5) that the scenario
// lets one check.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

struct Findings {
  std::vector<std::string> columns;       ///< the first one is the epoch
  std::vector<std::vector<double>> rows;  ///< one a fitted epoch; NaN where there is nothing to tell
  std::vector<std::string> legend;        ///< what the columns mean, a line each
  std::vector<std::string> notes;         ///< results over the whole run, a sentence each
};

/// Nothing for scenarios that are about the picture alone (standard, many-classes). Throws Error if the run
/// lacks what the scenario records.
///
/// adversarial: clean and robust accuracy; distance in the plane between an adversarial sample and the test
/// sample it was made of, in parts of the extent (median); accuracy lost by test samples near those that
/// became robust, and by others. noisy-labels: what samples with wrong labels are predicted as and whom they
/// lie among in the plane; precision and recall of the suspects list. active-learning: what each round's new
/// samples are, and how much of the territory has been sampled.
std::optional<Findings> find_findings(const std::string& scenario, const Run&, const View&);

std::string to_text(const Findings&);
Json to_json(const Findings&);

}  // namespace dvi
