#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/error.h"

namespace dvi {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) fail("{}: cannot be read: {}", path.string(), std::strerror(errno));
  return std::move(text).str();
}

std::string file_version(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  // Atomic writes make a new inode each time.
  return fmt::format("{}.{:09}-{}-{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino,
                     status.st_size);
}

void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::span<const std::byte>> chunks) {
  static std::atomic<unsigned> counter{0};
  auto temporary = path;
  temporary += fmt::format(".tmp-{}-{}", getpid(), counter++);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    fail("{}: cannot be written: {}; check the folder and its rights", path.string(), std::strerror(errno));
  int error = 0;
  for (auto chunk : chunks) {
    while (!chunk.empty() && error == 0) {
      const ssize_t written = ::write(fd, chunk.data(), chunk.size());
      if (written < 0 && errno != EINTR) error = errno;
      if (written > 0) chunk = chunk.subspan(static_cast<size_t>(written));
    }
  }
  // A full disk may only show when the data are flushed, so that comes before the rename.
  if (error == 0 && fdatasync(fd) != 0 && errno != EINVAL) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    fail("{}: cannot be written: {}; {}", path.string(), std::strerror(error),
         error == ENOSPC || error == EDQUOT ? "free some disk space and start again"
                                            : "check the folder and its rights");
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, {std::as_bytes(std::span(text))});
}

Json read_json(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    fail("{}: expected JSON, parsing stopped at byte {}; mend the file or write it again", path.string(),
         error.byte);
  }
}

void write_json(const std::filesystem::path& path, const Json& json) {
  write_file_atomically(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace dvi
