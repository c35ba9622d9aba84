// libFuzzer: no bytes, whatever they are, may do more than make read_torch_bytes throw Error.
#include "import/torch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    dvi::read_torch_bytes({reinterpret_cast<const std::byte*>(data), size}, "fuzz.pth");
  } catch (const dvi::Error&) {
  }
  return 0;
}
