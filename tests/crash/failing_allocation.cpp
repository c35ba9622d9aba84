// Preloaded into a program (LD_PRELOAD), it refuses memory once, as a machine does that has none left.
//
// Counted are the allocations of the program's large arrays: those aligned by 64 bytes (core/matrix.h). The
// one of number DVI_FAILING_ALLOCATION, from 1, throws std::bad_alloc. Where that is 0 none does, and how
// many there were is written into the file DVI_ALLOCATIONS when the program ends.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

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

void* operator new(std::size_t size, std::align_val_t alignment) {
  if (allocations.next_fails()) throw std::bad_alloc();
  const auto step = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(step, (size + step) / step * step)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
