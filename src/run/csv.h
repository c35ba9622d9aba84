// Cells of comma-separated values.
#pragma once

#include <string>

namespace dvi {

/// The text as a cell (RFC 4180), quoted where it must be. A leading =, +, - or @ gets an apostrophe before
/// it: a spreadsheet would run it as a formula.
std::string csv_cell(const std::string& text);

}  // namespace dvi
