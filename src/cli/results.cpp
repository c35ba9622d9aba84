#include "cli/results.h"

namespace dvi {
namespace {
bool chosen = false;
}

void set_json_results(bool json) { chosen = json; }
bool json_results() { return chosen; }

}  // namespace dvi
