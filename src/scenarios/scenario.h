// Training situations that DVI was made for, trained and recorded from nothing. One file each: standard.cpp,
// adversarial.cpp, active_learning.cpp, noisy_labels.cpp, many_classes.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/plugin.h"
#include "scenarios/image_data.h"

namespace dvi {

struct ScenarioOptions {
  std::filesystem::path data = default_image_folder;
  /// The run directory to make; must not exist or be empty.
  std::filesystem::path out;
  /// Few samples: seconds instead of minutes, for tests and first impressions.
  bool quick = false;
  /// Recorded epochs; 0: as many as suit the scenario (8 to 12).
  int epochs = 0;
  /// Train samples; 0: as many as suit the scenario. There is one test sample to six train samples.
  int64_t samples = 0;
  uint64_t seed = 1;
  /// How active learning chooses samples: random, least-confidence, coreset or learning-loss.
  std::string strategy = "least-confidence";
};

/// The options that shape what is recorded (not where), for the run's scenario.json.
Json to_json(const std::string& scenario, const ScenarioOptions&);

struct Scenario {
  const char* name;
  const char* summary;  ///< one line for the help text
};

const std::vector<Scenario>& scenarios();

/// Trains the classifier of a scenario and records it into options.out, whose scenario.json tells the
/// options. Implemented in the plugin dvi_torch. Throws Error if that is absent, and for an unknown name,
/// missing data or a folder that is in use.
extern PluginFunction<void(const std::string& name, const ScenarioOptions&)> record_scenario;

}  // namespace dvi
