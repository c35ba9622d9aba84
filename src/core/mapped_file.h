// Files mapped into memory, which may be changed by others while they are read.
//
// Writers of this project replace files by rename, and an old mapping then stays valid. Other programs do
// not: numpy.save over an array shortens it first, and a read beyond the new end raises SIGBUS, which would
// end the process. Here the lost part reads as zeros instead, the mapping is marked as damaged, and whoever
// used it asks afterwards: a request or command that met a damaged mapping fails with one sentence, and the
// file is opened again for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace dvi {

/// The bytes of a regular file, read-only.
class MappedFile {
 public:
  /// Throws Error naming the file if it is missing, empty, or anything but a regular file (a pipe, a device).
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path&);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }
  /// Whether the file was shortened and bytes that it no longer has were read, as zeros.
  bool damaged() const;
  /// Throws Error naming the file if so.
  void expect_whole() const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes);
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  size_t slot_;
};

/// How many mappings of this process have been damaged since it began. Thread-safe.
uint64_t damaged_mappings();

/// Throws Error, naming a file, if any mapping has been damaged since damaged_mappings() returned `before`:
/// results made in between may hold zeros that no file ever held.
void expect_whole_mappings(uint64_t before);

}  // namespace dvi
