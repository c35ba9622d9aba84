#if DVI_PRIVATE_ONEDNN

#include "linalg/onednn.h"

#include <dlfcn.h>

#include <string>

#include "core/error.h"

namespace dvi {
namespace {

void* open_library() {
  const std::string file = "libdnnl.so." + std::to_string(DNNL_VERSION_MAJOR);
  // Deep: oneDNN's own calls find oneDNN's functions before any others of that name.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (library == nullptr)
    fail("{}: expected oneDNN there, found \"{}\"; install it (Debian: libdnnl-dev)", file, dlerror());
  return library;
}

void* library() {
  static void* const opened = open_library();
  return opened;
}

}  // namespace

void* onednn_function(const char* name) {
  void* function = dlsym(library(), name);
  if (function == nullptr) fail("oneDNN lacks the function {}; install version 2.6 or 3", name);
  return function;
}

void run_onednn_alone() {
  thread_local bool alone = false;
  if (alone) return;
  if (void* f = dlsym(library(), "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(f)(1);
  alone = true;
}

}  // namespace dvi

#endif
