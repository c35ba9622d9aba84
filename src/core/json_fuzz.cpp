// Any bytes given as JSON are either a value that can be copied, written and read again, or an Error.
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dvi::Json json = dvi::parse_json({reinterpret_cast<const char*>(data), size}, "input");
    const dvi::Json copy = json;
    const dvi::Json again = dvi::parse_json(copy.dump(), "output");
    // Not compared by value: NaN cannot come from JSON, but numbers may be rounded once.
    if (again.dump() != dvi::parse_json(again.dump(), "output").dump()) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  return 0;
}
