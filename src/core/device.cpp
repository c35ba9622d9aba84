#include "core/device.h"

#include <dlfcn.h>

#include "core/error.h"
#include "core/progress.h"

namespace dvi {
namespace {

DeviceChoice chosen = DeviceChoice::automatic;

/// Without a driver there is no device to ask LibTorch for, which takes 0.4 s and 140 MiB to load: more than
/// a fit of a thousand samples.
bool has_cuda_driver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

bool finds_cuda() {
  static const bool found = has_cuda_driver() && torch_device.available() && torch_device() == "cuda";
  return found;
}

}  // namespace

constinit PluginFunction<std::string()> torch_device("compute on a graphics processor");

void choose_device(DeviceChoice choice) {
  if (choice == DeviceChoice::cuda && !finds_cuda())
    fail("--device cuda: expected a CUDA device, found {}; leave the option out to use the processor",
         !has_cuda_driver()         ? "no driver (libcuda.so.1)"
         : torch_device.available() ? "none that LibTorch can use"
                                    : "no plugin with LibTorch");
  chosen = choice;
}

bool tried_on_device(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    if (chosen == DeviceChoice::cuda) throw;
    say(fmt::format("{}; the processor does it", error.what()));
    return false;
  }
}

bool uses_cuda() { return chosen != DeviceChoice::processor && finds_cuda(); }

}  // namespace dvi
