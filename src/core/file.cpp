#include "core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

const char* kind_name(mode_t mode) {
  return S_ISDIR(mode)                    ? "a folder"
         : S_ISFIFO(mode)                 ? "a pipe"
         : S_ISSOCK(mode)                 ? "a socket"
         : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                          : "something else";
}

/// What to do about an error of writing.
const char* remedy(int error) {
  return error == ENOSPC || error == EDQUOT ? "free some disk space and start again"
                                            : "check the folder and its rights";
}

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  fail("{}: cannot be written: {}; {}", path.string(), std::strerror(error), remedy(error));
}

/// 0, or the error.
int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written == 0) return EIO;
    if (written > 0) bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return 0;
}

/// 0, or the error. A full disk may only show here, so this comes before every rename.
int flush_and_close(int descriptor, int error) {
  if (error == 0 && fdatasync(descriptor) != 0 && errno != EINVAL) error = errno;
  if (close(descriptor) != 0 && error == 0) error = errno;
  return error;
}

constexpr const char* unfinished_ending = ".unfinished";
constexpr const char* replaced_ending = ".replaced";

/// The descriptor that holds a lock on a file or folder, or -1: somebody else has it (EWOULDBLOCK), or it is
/// gone. Where the file system has no locks, nobody can hold one, and it counts as locked by us.
int lock_entry(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | flags);
  if (descriptor < 0) return -1;
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return descriptor;
  close(descriptor);
  errno = EWOULDBLOCK;
  return -1;
}

/// ".NAME.replaced" is what replace_folder() set aside: put back if it was killed before the new one came.
void restore_replaced(const fs::path& aside) {
  const std::string name = aside.filename().string();
  const fs::path target =
      aside.parent_path() / name.substr(1, name.size() - 1 - std::strlen(replaced_ending));
  std::error_code error;
  if (!fs::exists(aside, error)) return;
  if (fs::exists(target, error))
    fs::remove_all(aside, error);
  else
    fs::rename(aside, target, error);
}

}  // namespace

RegularFile::RegularFile(const fs::path& path) {
  // O_NONBLOCK: a pipe without a writer would hold up whoever opens it.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) fail("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  struct stat status {};
  const bool known = fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    fail("{}: expected a file, found {}; put the file itself there", path.string(),
         known ? kind_name(status.st_mode) : "something that cannot be read");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

RegularFile::~RegularFile() { close(descriptor_); }

std::string read_file(const fs::path& path, uint64_t most) {
  const RegularFile file(path);
  if (file.size() > most)
    fail("{}: expected at most {} MB, found {} MB; shorten it", path.string(), most >> 20, file.size() >> 20);
  std::string text(file.size(), '\0');
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t count = ::read(file.descriptor(), text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: cannot be read: {}", path.string(), std::strerror(errno));
    if (count == 0) break;  // shortened meanwhile: what is left of it is judged by who reads it
    at += static_cast<size_t>(count);
  }
  text.resize(at);
  return text;
}

void copy_regular_file(const fs::path& from, const fs::path& to) {
  const RegularFile source(from);
  const int target = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (target < 0) cannot_write(to, errno);
  std::string chunk(1 << 20, '\0');
  int error = 0;
  for (uint64_t left = source.size(); error == 0 && left > 0;) {
    const ssize_t count = ::read(source.descriptor(), chunk.data(), std::min<uint64_t>(chunk.size(), left));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) error = errno;
    if (count <= 0) break;
    error = write_all(target, std::as_bytes(std::span(chunk.data(), static_cast<size_t>(count))));
    left -= static_cast<uint64_t>(count);
  }
  error = flush_and_close(target, error);
  if (error == 0) return;
  unlink(to.c_str());
  cannot_write(to, error);
}

std::string file_version(const fs::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  // Atomic writes make a new inode each time.
  return fmt::format("{}.{:09}-{}-{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino,
                     status.st_size);
}

void write_file_atomically(const fs::path& path, std::initializer_list<std::span<const std::byte>> chunks) {
  static std::atomic<unsigned> counter{0};
  auto temporary = path;
  temporary += fmt::format(".tmp-{}-{}", getpid(), counter++);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) cannot_write(path, errno);
  flock(fd, LOCK_EX | LOCK_NB);  // tells remove_leftovers() that somebody is at work
  int error = 0;
  for (const auto chunk : chunks)
    if (error == 0) error = write_all(fd, chunk);
  if (error == 0 && fdatasync(fd) != 0 && errno != EINVAL) error = errno;
  // Renamed while it is locked, so that nobody takes it for a leftover in between.
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) unlink(temporary.c_str());
  // The data are on disk by now; an error here is one of earlier writes that fdatasync would have told.
  close(fd);
  if (error != 0) cannot_write(path, error);
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, {std::as_bytes(std::span(text))});
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("{}: cannot be made: {}; {}", folder.string(), error.message(), remedy(error.value()));
}

void replace_folder(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (rename(from.c_str(), to.c_str()) == 0) return;  // nothing, or an empty folder, was there
  int error = errno;
  if (error == ENOTEMPTY || error == EEXIST || error == ENOTDIR) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
      fs::remove_all(from, ignored);
      return;
    }
    error = errno;
    if (error == EINVAL || error == ENOSYS) {
      // This file system (some network ones) cannot exchange two names: the old one is set aside and put back
      // if need be. Killed in between, both are still there.
      const fs::path aside = to.parent_path() / ("." + to.filename().string() + replaced_ending);
      fs::remove_all(aside, ignored);
      error = rename(to.c_str(), aside.c_str()) == 0 ? 0 : errno;
      if (error == 0 && rename(from.c_str(), to.c_str()) != 0) {
        error = errno;
        rename(aside.c_str(), to.c_str());
      }
      if (error == 0) fs::remove_all(aside, ignored);
    }
  }
  if (error != 0) cannot_write(to, error);
}

void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    found.push_back(entry->path());
  for (const auto& path : found) {
    const std::string name = path.filename().string();
    const size_t mark = name.rfind(".tmp-");
    const bool file = mark != std::string::npos && mark > 0 &&
                      name.find_first_not_of("0123456789-", mark + 5) == std::string::npos;
    const bool unfinished = name.starts_with('.') && name.ends_with(unfinished_ending);
    if (name.starts_with('.') && name.ends_with(replaced_ending)) {
      restore_replaced(path);
    } else if (file || unfinished) {
      const int lock = lock_entry(path, unfinished ? O_DIRECTORY : 0);
      if (lock < 0) continue;
      struct stat status {};
      if (unfinished)
        fs::remove_all(path, error);
      else if (fstat(lock, &status) == 0 && S_ISREG(status.st_mode))
        unlink(path.c_str());
      close(lock);
    }
  }
}

UnfinishedFolder::UnfinishedFolder(const fs::path& target) {
  const fs::path absolute = fs::absolute(target).lexically_normal();
  target_ = absolute.has_filename() ? absolute : absolute.parent_path();
  path_ = target_.parent_path() / ("." + target_.filename().string() + unfinished_ending);
  make_folder(target_.parent_path());
  restore_replaced(target_.parent_path() / ("." + target_.filename().string() + replaced_ending));
  for (int attempt = 0; lock_ < 0; ++attempt) {
    if (mkdir(path_.c_str(), 0755) != 0 && errno != EEXIST) cannot_write(target_, errno);
    lock_ = lock_entry(path_, O_DIRECTORY);
    if (lock_ < 0 && (errno == EWOULDBLOCK || attempt == 3))
      fail("{}: expected a folder that nobody is writing, found another process at work on it; wait for it",
           target.string());
  }
  // Of a process that was killed.
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) fs::remove_all(entry.path(), error);
  if (error) fail("{}: cannot be removed: {}; check the folder's rights", path_.string(), error.message());
}

UnfinishedFolder::~UnfinishedFolder() {
  std::error_code ignored;
  if (!finished_) fs::remove_all(path_, ignored);
  close(lock_);
}

void UnfinishedFolder::finish() {
  replace_folder(path_, target_);
  finished_ = true;
}

namespace {

/// How deep brackets are nested outside of texts. Up to the first error the parser sees the same brackets.
size_t nesting(std::string_view text) {
  size_t depth = 0, most = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return most;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  constexpr size_t deepest = 64;
  if (nesting(text) > deepest)
    fail("{}: expected JSON that is nested at most {} deep, found more; mend the file or write it again",
         name, deepest);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    fail("{}: expected JSON, parsing stopped at byte {}; mend the file or write it again", name, error.byte);
  } catch (const Json::out_of_range&) {
    fail("{}: expected numbers of ordinary size, found one beyond 1e308; mend the file or write it again",
         name);
  }
}

Json read_json(const fs::path& path) { return parse_json(read_file(path, most_json_bytes), path.string()); }

void write_json(const fs::path& path, const Json& json) {
  write_file_atomically(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace dvi
