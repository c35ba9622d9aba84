#include "core/device.h"

#include "core/error.h"

namespace dvi {
namespace {

DeviceChoice chosen = DeviceChoice::automatic;

bool finds_cuda() {
  static const bool found = torch_device.available() && torch_device() == "cuda";
  return found;
}

}  // namespace

constinit PluginFunction<std::string()> torch_device("compute on a graphics processor");

void choose_device(DeviceChoice choice) {
  if (choice == DeviceChoice::cuda && !finds_cuda())
    fail("--device cuda: expected a CUDA device, found {}; leave the option out to use the processor",
         torch_device.available() ? "none that LibTorch can use" : "no plugin with LibTorch");
  chosen = choice;
}

bool uses_cuda() { return chosen != DeviceChoice::processor && finds_cuda(); }

}  // namespace dvi
