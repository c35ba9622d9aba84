// How a command prints what it found out.
#pragma once

namespace dvi {

/// Whether results go to standard output as JSON: --json, before or behind the command's name. --quiet does
/// not change it: that is about progress. Chosen once by the command line.
void set_json_results(bool);
bool json_results();

}  // namespace dvi
