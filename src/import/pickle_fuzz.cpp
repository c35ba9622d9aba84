// Any bytes given as a pickle are either objects in proportion to them, or an Error.
#include "import/pickle.h"

#include <cstdint>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dvi::Pickle pickle = dvi::read_pickle(std::as_bytes(std::span(data, size)), "input");
    size_t texts = 0, items = 0;
    for (const auto& node : pickle.nodes) {
      texts += node.text.size();
      items += node.items.size();
    }
    // A name out of two shared texts of at most 1000 bytes takes a few bytes of pickle.
    if (pickle.nodes.size() > size || items > 4 * size || texts > 2001 * size) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  return 0;
}
