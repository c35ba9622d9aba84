#include "fit/presets.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "fit/paper/paper_preset.h"
#include "fit/standard/standard_preset.h"

namespace dvi {
namespace {

template <typename T>
std::unique_ptr<Preset> make() {
  return std::make_unique<T>();
}

constexpr struct {
  const char* name;
  std::unique_ptr<Preset> (*make)();
} presets[] = {
    {"default", make<StandardPreset>},
    {"paper", make<PaperPreset>},
};

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& preset : presets) names.emplace_back(preset.name);
  return names;
}

std::unique_ptr<Preset> make_preset(const std::string& name) {
  for (const auto& preset : presets)
    if (name == preset.name) return preset.make();
  fail("--preset {}: expected one of {}", name, fmt::join(preset_names(), ", "));
}

}  // namespace dvi
