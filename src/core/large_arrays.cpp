#include "core/large_arrays.h"

#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

namespace dvi {
namespace {

constexpr size_t never = SIZE_MAX, least_size = size_t{1} << 20;
/// Room for sizes in front of an array: a page, so that the array is as aligned as any.
constexpr size_t page = 4096;

std::atomic<size_t> least{never}, in_files{0};
std::string& folder() {
  static auto* const made = new std::string;  // outlives every array
  return *made;
}

/// Addresses that arrays in files get, apart from all others, so that an array tells by its address where it
/// lies.
struct Region {
  static constexpr size_t size = size_t{1} << 44;
  Region() {
    void* const memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) begin = next = reinterpret_cast<uintptr_t>(memory);
  }
  uintptr_t begin = 0;
  std::atomic<uintptr_t> next{0};
  bool has(const void* pointer) const {
    const auto at = reinterpret_cast<uintptr_t>(pointer);
    return begin != 0 && at >= begin && at < begin + size;
  }
};
std::atomic<Region*> region{nullptr};

/// Null where it cannot be done.
[[maybe_unused]] void* map_array(size_t bytes) {
  Region* const addresses = region.load();
  if (addresses == nullptr || addresses->begin == 0) return nullptr;
  const size_t whole = (bytes + 2 * page - 1) / page * page;
  char name[4096];
  const std::string& place = folder();
  if (place.size() + 20 > sizeof name) return nullptr;
  // No string: it would be another array.
  std::strcpy(std::copy(place.begin(), place.end(), name), "/.array-XXXXXX");
  const int file = mkostemp(name, O_CLOEXEC);
  if (file < 0) return nullptr;
  unlink(name);
  void* memory = MAP_FAILED;
  if (posix_fallocate(file, 0, static_cast<off_t>(whole)) == 0) {
    // Addresses are not used twice: there are far more than any fit takes.
    const uintptr_t at = addresses->next.fetch_add(whole);
    if (at + whole <= addresses->begin + Region::size)
      memory =
          mmap(reinterpret_cast<void*>(at), whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  }
  close(file);
  if (memory == MAP_FAILED) return nullptr;
  *static_cast<size_t*>(memory) = whole;
  in_files += whole;
  return static_cast<std::byte*>(memory) + page;
}

/// Gives the file back; the addresses stay reserved.
[[maybe_unused]] void unmap_array(void* pointer) {
  std::byte* const memory = static_cast<std::byte*>(pointer) - page;
  const size_t whole = *reinterpret_cast<size_t*>(memory);
  mmap(memory, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  in_files -= whole;
}

}  // namespace

void put_large_arrays_in(const std::filesystem::path& path, size_t least_bytes) {
  static Region* const addresses = new Region;
  folder() = path.string();
  region = addresses;
  least = std::max(least_bytes, least_size);
}

void put_large_arrays_in_memory() { least = never; }

size_t large_array_bytes(int processes) {
  constexpr size_t parts = 64;
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / parts /
         static_cast<size_t>(std::max(1, processes));
}

size_t bytes_in_files() { return in_files; }

void return_freed_arrays() {
#ifdef __GLIBC__
  // The second is what smaller ones may leave.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

}  // namespace dvi

#ifndef DVI_SANITIZED

namespace {

void* allocate(size_t size, size_t alignment) {
  if (size >= dvi::least.load(std::memory_order_relaxed))
    if (void* const array = dvi::map_array(size)) return array;
  const size_t step = std::max(alignment, sizeof(void*));
  while (true) {
    void* const memory = alignment <= alignof(std::max_align_t)
                             ? std::malloc(std::max<size_t>(size, 1))
                             : std::aligned_alloc(step, (std::max<size_t>(size, 1) + step - 1) / step * step);
    if (memory != nullptr) return memory;
    const auto handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void release(void* pointer) noexcept {
  const dvi::Region* const addresses = dvi::region.load(std::memory_order_relaxed);
  if (addresses != nullptr && addresses->has(pointer))
    dvi::unmap_array(pointer);
  else
    std::free(pointer);
}

}  // namespace

void* operator new(size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* pointer) noexcept { release(pointer); }
void operator delete(void* pointer, size_t) noexcept { release(pointer); }
void operator delete(void* pointer, std::align_val_t) noexcept { release(pointer); }
void operator delete(void* pointer, size_t, std::align_val_t) noexcept { release(pointer); }

#endif
