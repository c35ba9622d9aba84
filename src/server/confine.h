// What a server gives up before it answers anybody, so that a mistake in it, or a model that it runs, can do
// little.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvi {

/// What this process may no longer do, from now on and in all threads that it makes.
struct Confinement {
  /// Get rights that it did not start with, for example through a set-user-ID program.
  bool no_new_privileges = false;
  /// Create, change or remove anything outside the folders that hold the runs, or start a program (Landlock,
  /// Linux 5.13).
  bool files = false;
  /// Start a program, open a connection, look into another process, change the system (seccomp, Linux 3.17).
  bool system_calls = false;

  bool whole() const { return no_new_privileges && files && system_calls; }
  /// "" where all is in force, else one sentence that says what is not.
  std::string lacking() const;
};

/// Confines the calling thread and those made by it later; system calls are refused to all threads there are.
/// Files are confined to the folders that `runs` lie in, not to the runs, which may be replaced while they
/// are served. Reading is not confined: LibTorch and its libraries may lie anywhere. Cannot be undone.
Confinement confine(const std::vector<std::filesystem::path>& runs);

}  // namespace dvi
