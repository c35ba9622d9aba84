// Any text given as run.json is either a manifest that survives being written and read again, or an Error.
#include <cstdint>
#include <string_view>

#include "run/run.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dvi::Json json =
      dvi::Json::parse(std::string_view(reinterpret_cast<const char*>(data), size), nullptr, false);
  if (json.is_discarded()) return 0;
  try {
    const dvi::Json written = dvi::Manifest::from_json(json, "run.json").to_json();
    if (dvi::Manifest::from_json(written, "run.json").to_json() != written) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  return 0;
}
