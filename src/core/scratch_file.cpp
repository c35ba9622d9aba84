#include "core/scratch_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace dvi {

ScratchFile::ScratchFile(const std::filesystem::path& folder)
    : name_((folder / ".scratch-XXXXXX").string()), file_(mkstemp(name_.data())) {
  if (file_ < 0)
    fail("{}: a temporary file cannot be made there: {}; check the folder and its rights", folder.string(),
         std::strerror(errno));
  unlink(name_.c_str());
}

ScratchFile::~ScratchFile() { close(file_); }

void ScratchFile::put_bytes(const void* data, size_t size) {
  const auto* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = pwrite(file_, from, size, static_cast<off_t>(end_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      fail("{}: a temporary file cannot be written: {}; make room on the disk", name_, std::strerror(errno));
    from += written;
    size -= static_cast<size_t>(written);
    end_ += static_cast<uint64_t>(written);
  }
}

void ScratchFile::get_bytes(void* data, size_t size) {
  auto* to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = pread(file_, to, size, static_cast<off_t>(at_));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      fail("{}: a temporary file cannot be read: {}; check the disk", name_,
           count < 0 ? std::strerror(errno) : "it ends early");
    to += count;
    size -= static_cast<size_t>(count);
    at_ += static_cast<uint64_t>(count);
  }
}

void ScratchFile::put_size(uint64_t size) { put_bytes(&size, sizeof(size)); }

uint64_t ScratchFile::get_size() {
  uint64_t size = 0;
  get_bytes(&size, sizeof(size));
  return size;
}

void ScratchFile::put(const Matrix& m) {
  put_size(static_cast<uint64_t>(m.rows()));
  put_size(static_cast<uint64_t>(m.cols()));
  put_bytes(m.data(), static_cast<size_t>(m.rows() * m.cols()) * sizeof(float));
}

void ScratchFile::get(Matrix& m) {
  const auto rows = static_cast<int64_t>(get_size()), cols = static_cast<int64_t>(get_size());
  m = Matrix(rows, cols);
  get_bytes(m.data(), static_cast<size_t>(rows * cols) * sizeof(float));
}

}  // namespace dvi
