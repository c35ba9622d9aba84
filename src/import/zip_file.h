// Reads the entries of a zip archive that are stored as they are, which is how PyTorch writes its files.
// Format: PKWARE APPNOTE.TXT 6.3, zip64 included.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace dvi {

/// The bytes of each entry, by name, as views of `archive`; `name` is used in messages. Throws Error if the
/// bytes are no zip archive, point outside of themselves, or an entry is compressed or encrypted. Checksums
/// are not looked at.
std::map<std::string, std::span<const std::byte>> read_zip(std::span<const std::byte> archive,
                                                           const std::string& name);

}  // namespace dvi
