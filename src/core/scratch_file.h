// Arrays put aside on disk while a program runs: written once, in order, and read back in the same order.
//
// The file has no name (it is removed as soon as it is open), so that nothing is left behind however the
// program ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "core/matrix.h"

namespace dvi {

class ScratchFile {
 public:
  /// Opens a new one in `folder`. Throws Error if it cannot be made.
  explicit ScratchFile(const std::filesystem::path& folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  /// Appends. Throws Error where the disk is full.
  template <typename T>
  void put(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    put_size(values.size());
    put_bytes(values.data(), values.size() * sizeof(T));
  }
  void put(const Matrix&);

  /// Reads the next array, from the first one on after rewind(). Its type must be the one that was put there.
  template <typename T>
  void get(std::vector<T>& values) {
    values.resize(get_size());
    get_bytes(values.data(), values.size() * sizeof(T));
  }
  void get(Matrix&);
  void rewind() { at_ = 0; }

 private:
  void put_size(uint64_t);
  void put_bytes(const void*, size_t);
  uint64_t get_size();
  void get_bytes(void*, size_t);

  std::string name_;  // for messages
  int file_;
  uint64_t end_ = 0, at_ = 0;
};

}  // namespace dvi
