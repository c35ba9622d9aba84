// What happened in a run that is worth knowing: a ranked list, each entry with its epochs, classes, samples,
// the numbers behind it in a sentence, and a link that opens the page at its scene. How each kind is found,
// and how often it errs, tells docs/explanation/findings.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

struct Finding {
  std::string kind;              ///< one of finding_kinds()
  int from = 0, to = 0;          ///< recorded epochs; the same for what is so at one epoch
  std::vector<int32_t> classes;  ///< concerned most, worst first; empty: all alike
  std::vector<int32_t> samples;  ///< concerned most, worst first, at most 1,000
  double score = 0;              ///< 0 to 1, how much it matters; the list is sorted by it
  std::string text;              ///< a sentence for people, with the numbers
  int scene = 0;                 ///< the epoch to look at
  std::string color;             ///< colouring of the page that shows it
};

/// A kind, what it means, and how much it matters beside the others (0 to 1).
struct FindingKind {
  std::string_view name, meaning;
  double weight;
  bool fault;  ///< something went wrong, rather than something worth seeing
};
const std::vector<FindingKind>& finding_kinds();

/// The findings of the fitted epochs up to `until`, the most important first.
std::vector<Finding> find_in_run(const Run& run, const View& view, int until = 1'000'000);

/// "epoch=7&color=label&selected=1,5-9&panel=findings": the scene as the part of the page's address behind #.
std::string scene_link(const Finding&);

/// {"findings": [{"kind", "from", "to", "classes", "samples", "score", "text", "link"}]}; classes as numbers.
Json to_json(const std::vector<Finding>&);
/// One finding a paragraph, numbered; `most` at most.
std::string to_text(const std::vector<Finding>&, size_t most);

/// Finds and writes views/NAME/findings.json; returns what it found.
std::vector<Finding> write_findings(const Run& run, const View& view);

}  // namespace dvi
