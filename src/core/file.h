// Whole files: read with limits, and written so that a reader sees the old content or the new one, never a
// part.
//
// This is the one place where files of others are opened. Runs come from anywhere, so whatever stands where a
// file is expected may be a pipe, a device, or larger than memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace dvi {

using Json = nlohmann::json;

/// A regular file opened for reading. Opening never waits and has no effect on a device.
class RegularFile {
 public:
  /// Throws Error if it cannot be opened or is a folder, a pipe, a socket or a device.
  explicit RegularFile(const std::filesystem::path&);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;
  int descriptor() const { return descriptor_; }
  uint64_t size() const { return size_; }  ///< bytes, when it was opened

 private:
  int descriptor_;
  uint64_t size_ = 0;
};

/// More than any text of a run is long; see read_file.
constexpr uint64_t most_file_bytes = uint64_t{1} << 30;
/// More than any JSON file of a run is long: a list of five million numbers.
constexpr uint64_t most_json_bytes = uint64_t{64} << 20;

/// The whole file. Throws Error if it cannot be read, is no regular file, or is longer than `most` bytes,
/// which is looked at before anything is read.
std::string read_file(const std::filesystem::path&, uint64_t most = most_file_bytes);

/// Copies a regular file to `to`, which must not be there. Throws Error and leaves nothing behind if that
/// fails.
void copy_regular_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// A text that changes whenever the file is written anew, even twice within the clock's tick; empty if there
/// is no such file.
std::string file_version(const std::filesystem::path&);

/// Writes `chunks` one after another to a temporary file beside `path`, flushes it to disk and renames it
/// over `path`. On failure the temporary file is removed, `path` is as it was, and Error names the file and
/// the reason. The temporary file's name is `path` with ".tmp-", the process and a number.
void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::span<const std::byte>> chunks);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Makes the folder and those above it; throws Error.
void make_folder(const std::filesystem::path&);

/// Gives the folder `from` the name `to`, in the place of whatever is there: at every moment `to` is the old
/// one, whole, or the new one, whole. Throws Error, leaving both as they were.
void replace_folder(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes what killed processes left behind in `folder` (not below): temporary files of
/// write_file_atomically and unfinished folders. What another process is at work on stays.
void remove_leftovers(const std::filesystem::path& folder);

/// A folder that is filled under another name, ".NAME.unfinished" beside its final one, and appears whole by
/// finish(). Removed with all that is in it by the destructor, or, where the process was killed, by the next
/// UnfinishedFolder of that name and by remove_leftovers(); a lock tells them whether its process still
/// lives.
class UnfinishedFolder {
 public:
  /// Throws Error if another process is writing the same folder.
  explicit UnfinishedFolder(const std::filesystem::path& target);
  ~UnfinishedFolder();
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  /// Gives it its name, in the place of whatever is there (replace_folder).
  void finish();

 private:
  std::filesystem::path target_, path_;
  int lock_ = -1;
  bool finished_ = false;
};

/// Throws Error naming `name` unless `text` is JSON, nested at most 64 deep: the program's own recursion over
/// it is then bounded wherever it goes. The only place where JSON is parsed.
Json parse_json(std::string_view text, const std::string& name);
/// The file's content through parse_json.
Json read_json(const std::filesystem::path&);
/// Indented by 1, through write_file_atomically.
void write_json(const std::filesystem::path&, const Json&);

}  // namespace dvi
