#include "scenarios/scenario.h"

#include "core/error.h"

namespace dvi {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"standard", "a convolutional classifier from its first steps to the end of training", record_standard},
      {"adversarial", "clean training, then adversarial training: robustness against accuracy",
       record_adversarial},
      {"active-learning", "samples are labelled in rounds, chosen by --strategy", record_active_learning},
      {"noisy-labels", "a fifth of the labels is wrong; the classifier memorises them in the end",
       record_noisy_labels},
      {"many-classes", "EMNIST (by --data), or 100 classes made of pairs of images", record_many_classes},
  };
  return all;
}

Json to_json(const std::string& scenario, const ScenarioOptions& options) {
  Json json{{"scenario", scenario},     {"data", options.data.string()}, {"quick", options.quick},
            {"epochs", options.epochs}, {"samples", options.samples},    {"seed", options.seed}};
  if (scenario == "active-learning") json["strategy"] = options.strategy;
  return json;
}

void record_scenario(const std::string& name, const ScenarioOptions& options) {
  std::string known;
  for (const auto& scenario : scenarios()) {
    if (scenario.name == name) return scenario.record(options);
    known += (known.empty() ? "" : ", ") + std::string(scenario.name);
  }
  fail("--scenario: expected one of {}, found \"{}\"", known, name);
}

}  // namespace dvi
