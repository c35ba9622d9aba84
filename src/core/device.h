// Where heavy work is done: on this machine's processor, or on a CUDA device through LibTorch.
#pragma once

#include <functional>
#include <string>

#include "core/plugin.h"

namespace dvi {

/// Where LibTorch works: "cuda" if it finds such a device, else "cpu". Implemented in the plugin dvi_torch.
extern PluginFunction<std::string()> torch_device;

enum class DeviceChoice {
  automatic,  ///< a CUDA device where LibTorch finds one
  processor,  ///< even so
  cuda,       ///< and nothing else
};

/// Chosen once by the command line (--device). Throws Error if CUDA is asked for and there is none.
void choose_device(DeviceChoice);

/// Whether work that can be done on either is to be done on the CUDA device.
bool uses_cuda();

/// Whether work(), which uses the device, has been done. Where it throws Error, for want of memory for
/// example, and the user has not asked for the device by name, says so and returns false: the processor is to
/// do it.
bool tried_on_device(const std::function<void()>& work);

}  // namespace dvi
