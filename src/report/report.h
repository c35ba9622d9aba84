// One HTML file that holds the page and a view's data, and needs neither server nor network.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dvi {

struct ReportOptions {
  std::string view{};         ///< "": the one a user means who names none
  std::vector<int> epochs{};  ///< fitted ones; empty: all
  int64_t images = 5000;      ///< at most so many samples' images, evenly spread; 0: none
};

struct ReportSizes {
  size_t epochs = 0, images = 0;
  size_t bytes = 0;  ///< of the file
};

/// Writes `file` at once or not at all. The data are the answers that `dvi serve` would give
/// (docs/reference/http-api.md), packed as the page's own offline copies are (web/src/export/copy-format.ts).
/// Throws Error if the run has no such view or epoch, or the program was built without its page.
ReportSizes write_report(const std::filesystem::path& run, const ReportOptions& options,
                         const std::filesystem::path& file);

}  // namespace dvi
