// Any bytes given as an .npy file are either an array whose elements can all be read, or an Error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "core/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("fuzz.npy", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) __builtin_trap();
  try {
    const dvi::NpyArray array = dvi::NpyArray::open("/proc/self/fd/" + std::to_string(fd));
    if (static_cast<int64_t>(array.to_floats().size()) != array.size()) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  close(fd);
  return 0;
}
