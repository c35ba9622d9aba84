// The web page, embedded in the program when it is built (cmake/embed.cmake): the files of web/dist,
// compressed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace dvi {

/// One file of the page; everything lives as long as the program.
struct PageFile {
  std::string_view path;               ///< from the root, "/index.html" or "/assets/index-D4f5.js"
  std::string_view content_type;       ///< "text/html; charset=utf-8"
  std::span<const std::byte> gzipped;  ///< a gzip stream; for clients that do not accept it, inflate it
  std::string_view etag;               ///< with its quotes; changes with the content
};

/// All files, sorted by path; "/index.html" is always among them. Where the page was not built it is one
/// sentence that tells how to build it.
std::span<const PageFile> page_files();

}  // namespace dvi
