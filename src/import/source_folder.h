// A folder of others, which may have been made to do harm: its links can point anywhere.
#pragma once

#include <filesystem>

namespace dvi {

/// The files of a folder, by their place in it. Links are followed only where they lead inside the folder.
class SourceFolder {
 public:
  explicit SourceFolder(const std::filesystem::path& root);
  const std::filesystem::path& root() const { return root_; }
  /// Whether something is there, be it a link that leads out of the folder.
  bool has(const std::filesystem::path& relative) const;
  bool has_folder(const std::filesystem::path& relative) const;
  /// Where it is. Throws Error if the name, or a link on the way, leads out of the folder.
  std::filesystem::path at(const std::filesystem::path& relative) const;

 private:
  std::filesystem::path root_, real_root_;
};

}  // namespace dvi
