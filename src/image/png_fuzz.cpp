// Any bytes given as a PNG are either a picture of the size that they state, or an Error.
#include <cstdint>
#include <string>

#include "core/error.h"
#include "image/png.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dvi::Picture image =
        dvi::decode_png(std::string(reinterpret_cast<const char*>(data), size), "input");
    if (static_cast<int64_t>(image.values.size()) != image.height * image.width * image.channels)
      __builtin_trap();
  } catch (const dvi::Error&) {
  }
  return 0;
}
