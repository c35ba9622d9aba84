// Preloaded into a program (LD_PRELOAD), it refuses memory once, as a machine does that has none left.
//
// Counted are the program's matrices, which ask for aligned memory. The request of number
// DVI_FAILING_ALLOCATION, from 1, gets none. Where that is 0 all do, and how many there were is written into
// the file DVI_ALLOCATIONS when the program ends.
#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

class Allocations {
 public:
  Allocations() : failing_(number("DVI_FAILING_ALLOCATION")) {}
  ~Allocations() {
    const char* const file = std::getenv("DVI_ALLOCATIONS");
    if (failing_ != 0 || file == nullptr) return;
    if (std::FILE* const out = std::fopen(file, "w")) {
      std::fprintf(out, "%ld\n", count_.load());
      std::fclose(out);
    }
  }
  bool next_fails() { return ++count_ == failing_; }

 private:
  static long number(const char* variable) {
    const char* const value = std::getenv(variable);
    return value == nullptr ? 0 : std::atol(value);
  }
  long failing_;
  std::atomic<long> count_{0};
};

Allocations allocations;

}  // namespace

/// In place of the C library's.
extern "C" void* aligned_alloc(size_t alignment, size_t size) {
  void* memory = nullptr;
  if (allocations.next_fails() || posix_memalign(&memory, alignment, size) != 0) return nullptr;
  return memory;
}
