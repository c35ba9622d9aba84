// Whole files, written so that a reader sees the old content or the new one, never a part.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace dvi {

using Json = nlohmann::json;

/// The whole file. Throws Error if it cannot be read.
std::string read_file(const std::filesystem::path&);

/// A text that changes whenever the file is written anew, even twice within the clock's tick; empty if there
/// is no such file.
std::string file_version(const std::filesystem::path&);

/// Writes `chunks` one after another to a temporary file beside `path`, flushes it to disk and renames it
/// over `path`. On failure the temporary file is removed, `path` is as it was, and Error names the file and
/// the reason.
void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::span<const std::byte>> chunks);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Throws Error naming the file and the byte where parsing stopped.
Json read_json(const std::filesystem::path&);
/// Indented by 1, through write_file_atomically.
void write_json(const std::filesystem::path&, const Json&);

}  // namespace dvi
