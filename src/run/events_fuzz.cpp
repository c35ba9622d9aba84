// Any bytes given as events.npy are either events or an Error.
#include "run/events.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("events.npy", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) __builtin_trap();
  try {
    const auto events = dvi::read_events("/proc/self/fd/" + std::to_string(fd));
    if (events.size() * sizeof(dvi::Event) > size) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  close(fd);
  return 0;
}
