#include "core/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/file.h"

namespace dvi {
namespace {

/// What the signal handler may look at: it can neither lock nor allocate.
struct Slot {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> damaged{false};
};

// Linux allows a process about as many mappings (vm.max_map_count).
constexpr size_t most_mappings = 65536;
Slot slots[most_mappings];
std::atomic<size_t> slots_used{0};
std::atomic<uint64_t> damages{0};
struct sigaction previous_action;

struct Registry {
  std::mutex mutex;
  std::vector<size_t> free;
  std::vector<const MappedFile*> owners;
  std::string last_damaged;
};
Registry& registry() {
  static auto* const made = new Registry;  // outlives every mapping
  return *made;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const size_t used = slots_used.load(std::memory_order_acquire);
  for (size_t i = 0; i < used; ++i) {
    Slot& slot = slots[i];
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire), end = slot.end;
    if (address < begin || address >= end) continue;
    // Everything from here on lies beyond the file's new end: zeros in its place, all at once.
    const uintptr_t page = address & ~(static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)) - 1);
    if (mmap(reinterpret_cast<void*>(page), end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0) == MAP_FAILED)
      break;
    slot.damaged = true;
    ++damages;
    errno = saved_errno;
    return;
  }
  // Not one of ours: as if this handler did not exist.
  errno = saved_errno;
  if ((previous_action.sa_flags & SA_SIGINFO) != 0)
    return previous_action.sa_sigaction(signal, info, context);
  std::signal(SIGBUS, SIG_DFL);
}

void install_handler() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previous_action) == 0;
  }();
  (void)installed;
}

[[noreturn]] void complain(const std::string& path) {
  fail(
      "{}: was shortened by another program while it was read; write files under another name and rename "
      "them, "
      "then try again",
      path);
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  install_handler();
  const RegularFile file(path);
  if (file.size() == 0)
    fail("{}: expected a file with something in it, found an empty one; write it again", path.string());
  void* memory = mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED) fail("{}: cannot be read: {}", path.string(), std::strerror(errno));
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, {static_cast<const std::byte*>(memory), static_cast<size_t>(file.size())}));
}

MappedFile::MappedFile(std::filesystem::path path, std::span<const std::byte> bytes)
    : path_(std::move(path)), bytes_(bytes) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  if (!r.free.empty()) {
    slot_ = r.free.back();
    r.free.pop_back();
  } else if (slots_used < most_mappings) {
    slot_ = slots_used;
    r.owners.push_back(nullptr);
  } else {
    munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    fail("{}: cannot be read: too many files are open", path_.string());
  }
  r.owners[slot_] = this;
  Slot& slot = slots[slot_];
  slot.damaged = false;
  slot.end = reinterpret_cast<uintptr_t>(bytes_.data() + bytes_.size());
  slot.begin.store(reinterpret_cast<uintptr_t>(bytes_.data()), std::memory_order_release);
  if (slot_ == slots_used) slots_used.store(slot_ + 1, std::memory_order_release);
}

MappedFile::~MappedFile() {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  if (damaged()) r.last_damaged = path_.string();
  slots[slot_].begin = UINTPTR_MAX;
  slots[slot_].end = 0;
  munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  r.owners[slot_] = nullptr;
  r.free.push_back(slot_);
}

bool MappedFile::damaged() const { return slots[slot_].damaged; }

void MappedFile::expect_whole() const {
  if (damaged()) complain(path_.string());
}

uint64_t damaged_mappings() { return damages; }

void expect_whole_mappings(uint64_t before) {
  if (damages == before) return;
  std::string path;
  {
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    path = r.last_damaged.empty() ? "a file of the run" : r.last_damaged;
    for (const MappedFile* owner : r.owners)
      if (owner != nullptr && owner->damaged()) path = owner->path().string();
  }
  complain(path);
}

}  // namespace dvi
