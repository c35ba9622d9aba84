// The presets there are, by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fit/preset.h"

namespace dvi {

std::vector<std::string> preset_names();
/// Throws Error if there is none of this name.
std::unique_ptr<Preset> make_preset(const std::string& name);

}  // namespace dvi
