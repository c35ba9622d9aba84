#include "core/plugin.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/error.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

std::string load() {
  std::error_code unknown;
  const fs::path folder = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  const fs::path candidates[] = {folder / "libdvi_torch.so",
                                 folder.parent_path() / "lib/dvi/libdvi_torch.so"};
  for (const fs::path& file : candidates) {
    if (!fs::exists(file, unknown)) continue;
    // For good: what it hands out (models, exceptions) has its code there.
    if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) != nullptr) return "";
    return fmt::format("found one that cannot be loaded: {}", dlerror());
  }
  return fmt::format("found none at {}", candidates[0].string());
}

}  // namespace

const std::string& why_no_torch_plugin() {
  static const std::string why = load();
  return why;
}

void fail_without_torch_plugin(const std::string& what) {
  fail(
      "expected the plugin library libdvi_torch.so, with LibTorch, to {}, {}; install dvi-torch, or build "
      "with "
      "-D DVI_WITH_TORCH=ON",
      what, why_no_torch_plugin());
}

}  // namespace dvi
