#include "import/source_folder.h"

#include <algorithm>

#include "core/error.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

}  // namespace

SourceFolder::SourceFolder(const fs::path& root) : root_(root), real_root_(fs::canonical(root)) {}

bool SourceFolder::has(const fs::path& relative) const {
  std::error_code error;
  return fs::exists(root_ / relative, error);
}

bool SourceFolder::has_folder(const fs::path& relative) const {
  std::error_code error;
  return fs::is_directory(root_ / relative, error);
}

fs::path SourceFolder::at(const fs::path& relative) const {
  std::error_code error;
  const fs::path named = root_ / relative, real = fs::weakly_canonical(named, error);
  const bool inside =
      !error &&
      std::mismatch(real_root_.begin(), real_root_.end(), real.begin(), real.end()).first == real_root_.end();
  if (!inside)
    fail(
        "{}: expected a file inside the folder to import, found a link that leads to {}; put the file itself "
        "there",
        named.string(), error ? "nothing" : real.string());
  return named;
}

}  // namespace dvi
